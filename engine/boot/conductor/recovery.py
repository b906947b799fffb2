"""The recovery: looks for work that nobody does any more and sees it to its end; nothing is in between for ever.

Whatever it does is a compare-and-swap or may be done twice: two conductors, or a conductor beside a host that comes
back at this moment, do no harm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import sqlalchemy as sa

from engine.boot.conductor.allocations import Allocations
from engine.boot.conductor.builds import Claim
from engine.boot.conductor.deletion import Deletion
from engine.boot.conductor.failures import Failures
from engine.boot.conductor.host_watch import HostWatch
from engine.boot.conductor.instance_messages import instance_message
from engine.boot.conductor.purge import purge
from engine.boot.conductor.scheduling import ALLOCATION, REMOTE, caller_of, left_of, settled
from engine.boot.conductor.settling import Settling
from engine.boot.conductor.undo import Undo, undo_patiently
from engine.boot.conductor.unfinished import find_unfinished, is_announced, to_be_scheduled
from engine.boot.messages import Build, Delete, Message, compute_topic
from engine.boot.options import BootOptions
from engine.boot.states import TaskState, VmState
from engine.boot.store.history import actions_of, end_open_events, fail_action
from engine.boot.store.instances import InstanceRow, change_instance, devices_of, get_instance
from engine.boot.store.outbox import cast, withdraw
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from engine.errors import EngineError

TAKEOVER_S = 15.0
"""How long a failure may stay unsettled before somebody else settles it; longer than any one call to the scheduler."""
_AT_A_TIME = 16
_LOG = logging.getLogger("berth.recovery")


class Recovery:
    """Looks every ``recovery_interval_s``; ``wake`` tells of messages cast."""

    def __init__(
        self,
        store: Store,
        allocations: Allocations,
        failures: Failures,
        settling: Settling,
        deletion: Deletion,
        hosts: HostWatch,
        undo: Undo,
        wake: Callable[[], None],
        options: BootOptions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._allocations = allocations
        self._failures = failures
        self._settling = settling
        self._deletion = deletion
        self._hosts = hosts
        self._undo = undo
        self._wake = wake
        self._options = options
        self._clock = clock

    async def run(self) -> None:
        """Look now and then until cancelled."""
        while True:
            try:
                await self.look()
            except EngineError as error:
                _LOG.warning("the recovery could not look: %s", error.message)
            except Exception:
                _LOG.exception("the recovery could not look")
            await asyncio.sleep(self._options.recovery_interval_s)

    async def look(self) -> None:
        """Find what nobody does any more, and see to it."""
        found = await self._store.read(find_unfinished)
        dead = await self._hosts.dead(found.hosts())
        options = self._options
        await self._each(self._resettle, self._older(found.unsettled, TAKEOVER_S))
        await self._look_at_unplaced(self._older(found.unplaced, options.scheduler_timeout_s + options.stalled_s))
        await self._each(self._leave_dead_host, (row for row in found.building if row.host in dead))
        await self._each(self._announce_build, self._stalled(found.building, dead))
        gone = (row for row in found.deleting if row.host in dead or not row.host)
        await self._each(self._delete_without_host, self._older(gone, options.stalled_s, unless=dead))
        await self._each(self._announce_delete, self._stalled((row for row in found.deleting if row.host), dead))
        acting_on_dead = [row for row in found.acting if row.host in dead or not row.host]
        await self._each(self._give_up_action, self._older(acting_on_dead, options.stalled_s))
        await self._each(self._give_up_unannounced_action, self._stalled(found.acting, dead))
        await self._each(self._take_back, self._older(found.left_behind, options.recovery_interval_s))
        await self._store.write(lambda connection: purge(connection, before=self._clock() - options.keep_deleted_s))

    def _older(
        self, rows: Iterable[InstanceRow], age_s: float, *, unless: frozenset[str] = frozenset()
    ) -> list[InstanceRow]:
        """Return the rows without progress for so long, and whatever is on a host of ``unless``."""
        before = self._clock() - age_s
        return [row for row in rows if row.progress_at <= before or row.host in unless]

    def _stalled(self, rows: Iterable[InstanceRow], dead: frozenset[str]) -> list[InstanceRow]:
        """Return the rows that stand still on hosts that are there."""
        return self._older((row for row in rows if row.host and row.host not in dead), self._options.stalled_s)

    async def _each(self, work: Callable[[InstanceRow], Awaitable[None]], rows: Iterable[InstanceRow]) -> None:
        """Do one thing for all, a few at a time; what fails for one is tried again the next time."""
        slots = asyncio.Semaphore(_AT_A_TIME)

        async def one(row: InstanceRow) -> None:
            async with slots:
                try:
                    await work(row)
                except EngineError as error:
                    _LOG.warning("instance %s cannot be seen to yet: %s", row.uuid, error.message)
                except Exception:
                    _LOG.exception("instance %s cannot be seen to", row.uuid)

        await asyncio.gather(*(one(row) for row in rows))

    async def _resettle(self, row: InstanceRow) -> None:
        await self._settling.settle(row.uuid)

    async def _look_at_unplaced(self, rows: list[InstanceRow]) -> None:
        """End instances that nobody asks the scheduler about."""
        if rows:
            asked = await self._store.read(to_be_scheduled)
            await self._each(self._give_up_unplaced, [row for row in rows if row.uuid not in asked])

    async def _give_up_unplaced(self, row: InstanceRow) -> None:
        _LOG.warning("instance %s waits for a host that nobody looks for: it ends in ERROR", row.uuid)
        message = "No valid host was found. The request to choose a host was lost."
        await self._failures.fail_unplaced(row.uuid, message=message)

    async def _leave_dead_host(self, row: InstanceRow) -> None:
        _LOG.warning("host %s stopped answering: instance %s is built elsewhere", row.host, row.uuid)
        claim = Claim(row.uuid, row.host, row.attempt)
        await self._failures.fail(claim, reschedule=True, message=f"host {row.host} stopped answering", undone=False)

    async def _announce_build(self, row: InstanceRow) -> None:
        """Cast a build again whose message is gone, or end it where nobody knows who asked."""
        if await self._store.read(lambda connection: is_announced(connection, row)):
            return
        caller = caller_of(row.scheduling)
        if caller is None:
            claim = Claim(row.uuid, row.host, row.attempt)
            message = f"the message that announced the build to host {row.host} was lost"
            await self._failures.fail(claim, reschedule=False, message=message, undone=False)
            return
        cast_at_us = int(self._clock() * 1_000_000)
        message_again = Build(instance_uuid=row.uuid, attempt=row.attempt, caller=caller, cast_at_us=cast_at_us)
        await self._cast_again(row, message_again)

    async def _announce_delete(self, row: InstanceRow) -> None:
        if await self._store.read(lambda connection: is_announced(connection, row)):
            return
        history = await self._store.read(lambda connection: actions_of(connection, row.uuid))
        request_id = next((action.request_id for action in history if action.action == "delete"), row.request_id)
        await self._cast_again(row, Delete(instance_uuid=row.uuid, request_id=request_id))

    async def _cast_again(self, row: InstanceRow, message: Message) -> None:
        """Cast a message where the record still is as it was found, which it is no longer afterwards."""

        def work(connection: sa.Connection) -> bool:
            now = self._clock()
            if not change_instance(connection, row.uuid, {}, *_unchanged(row), now=now):
                return False
            cast(connection, compute_topic(row.host), message, now=now)
            return True

        if await self._store.write(work):
            _LOG.warning("instance %s stood still on host %s: its %s is announced again", row.uuid, row.host, message)
            self._wake()

    async def _delete_without_host(self, row: InstanceRow) -> None:
        if await self._deletion.finish_without_host(row.uuid, row.host):
            _LOG.warning("instance %s is deleted without its host %s", row.uuid, row.host or "(it had none)")

    async def _give_up_unannounced_action(self, row: InstanceRow) -> None:
        if not await self._store.read(lambda connection: is_announced(connection, row)):
            await self._give_up_action(row)

    async def _give_up_action(self, row: InstanceRow) -> None:
        """Clear a task that its host does not do; the action ends in an error that says so."""
        error = f"host {row.host} did not do it: it stopped answering, or the message was lost"

        def work(connection: sa.Connection) -> None:
            now = self._clock()
            values = {"task_state": TaskState.NONE}
            if not change_instance(connection, row.uuid, values, *_unchanged(row), now=now):
                return
            withdraw(connection, compute_topic(row.host), row.uuid)
            end_open_events(connection, row.uuid, error=error, now=now)
            asked = next((one for one in actions_of(connection, row.uuid) if one.action in _ACTIONS), None)
            if asked is not None:
                fail_action(connection, row.uuid, asked.request_id, now=now)

        await self._store.write(work)

    async def _take_back(self, row: InstanceRow) -> None:
        """Take back what an instance in ERROR still has; what is left then is tried again."""
        left = list(left_of(row.scheduling))
        devices = await self._store.read(lambda connection: devices_of(connection, row.uuid))
        if REMOTE in left and not await undo_patiently(self._undo, instance_message(row, devices), failed_build=True):
            left.remove(REMOTE)
        if ALLOCATION in left:
            await self._allocations.release(row.uuid)
            left.remove(ALLOCATION)

        def work(connection: sa.Connection) -> None:
            now_there = get_instance(connection, row.uuid, lock=True)
            if now_there is not None and now_there.vm_state == VmState.ERROR:
                values: dict[str, Any] = {"scheduling": settled(now_there.scheduling, left=tuple(left))}
                if not left:
                    values["interfaces"] = []
                change_instance(connection, row.uuid, values, instances.c.host == "", now=self._clock())

        await self._store.write(work)


_ACTIONS = ("start", "stop", "reboot")


def _unchanged(row: InstanceRow) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions under which a record is still as it was found."""
    return (
        instances.c.host == row.host,
        instances.c.attempt == row.attempt,
        instances.c.task_state == row.task_state,
        instances.c.progress_at == row.progress_at,
    )
