"""Failures that are recorded: what is left is taken back, then the next alternate is tried, or the boot ends in ERROR.

Every step of it may be done twice, by whoever finds the failure in the record; changes are compare-and-swap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.boot.assignment import with_assignment
from engine.boot.conductor.allocations import Allocations
from engine.boot.conductor.instance_messages import instance_message
from engine.boot.conductor.scheduling import (
    ALLOCATION,
    REMOTE,
    Failure,
    caller_of,
    failure_of,
    next_alternate,
    settled,
    with_failure,
    with_tried,
)
from engine.boot.conductor.undo import Undo, undo_patiently
from engine.boot.messages import Build, compute_topic
from engine.boot.states import PowerState, TaskState, VmState
from engine.boot.store.history import add_fault, end_open_events, fail_action
from engine.boot.store.instances import InstanceRow, change_device, change_instance, devices_of, get_instance
from engine.boot.store.outbox import cast
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from engine.errors import EngineError, LedgerError, ServiceUnavailableError, ShuttingDownError, UnknownAllocationError
from engine.v1.assignment_pb2 import Assignment
from engine.v1.instance_pb2 import Instance

_PAUSE_S = 0.5
_AWAY = (ServiceUnavailableError, ShuttingDownError, LedgerError)
SETTLING = (
    instances.c.vm_state == VmState.BUILDING,
    instances.c.task_state == TaskState.SCHEDULING,
    instances.c.host == "",
)
"""What holds for an instance whose failure is being settled."""
_LOG = logging.getLogger("berth.conductor")


class Settling:
    """Settles failures, each by one task; ``wake`` tells of a message cast, ``patience_s``: with the scheduler."""

    def __init__(
        self,
        store: Store,
        allocations: Allocations,
        undo: Undo,
        wake: Callable[[], None],
        *,
        patience_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._allocations = allocations
        self._undo = undo
        self._wake = wake
        self._patience_s = patience_s
        self._clock = clock
        self._settling: dict[str, asyncio.Task[str]] = {}

    async def close(self, patience_s: float) -> None:
        """Give what is being settled a moment, then leave it to the next conductor."""
        tasks = list(self._settling.values())
        if tasks:
            await asyncio.wait(tasks, timeout=patience_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def settle(self, instance_uuid: str) -> asyncio.Task[str]:
        """Return the task that settles an instance, one at a time; its result is the next host, or an empty text."""
        task = self._settling.get(instance_uuid)
        if task is None:
            task = self._settling[instance_uuid] = asyncio.create_task(self._settle(instance_uuid))
            task.add_done_callback(lambda done: self._forget(instance_uuid, done))
        return task

    def _forget(self, instance_uuid: str, done: asyncio.Task[str]) -> None:
        del self._settling[instance_uuid]
        if not done.cancelled() and done.exception() is not None:
            _LOG.error("instance %s: a failed build is not settled yet", instance_uuid, exc_info=done.exception())

    async def _settle(self, instance_uuid: str) -> str:
        """Undo what is left, then move to the next alternate or end in ERROR; return the next host."""
        found = await self._store.read(lambda connection: _unsettled(connection, instance_uuid))
        if found is None:
            return ""
        row, failure, instance = found
        left: list[str] = []
        if not failure.undone:
            left = await undo_patiently(self._undo, instance, failed_build=True)
        if not left:
            failure = msgspec.structs.replace(failure, undone=True)
            if not await self._store.write(lambda connection: self._note_undone(connection, row, failure)):
                return ""
            if failure.reschedule:
                host, last_words = await self._try_elsewhere(instance_uuid)
                if host is not None:
                    return host
                failure = msgspec.structs.replace(failure, details=_joined(failure.details, last_words))
        await self._give_up(row, failure, left)
        return ""

    def _note_undone(self, connection: sa.Connection, row: InstanceRow, failure: Failure) -> bool:
        """Record that nothing of the attempt is left: its interfaces, attachments and volumes are forgotten."""
        values = {"interfaces": [], "scheduling": with_failure(row.scheduling, failure)}
        if not change_instance(connection, row.uuid, values, *SETTLING, now=self._clock()):
            return False
        _forget_devices(connection, row.uuid)
        return True

    async def _try_elsewhere(self, instance_uuid: str) -> tuple[str | None, str]:
        """Move the allocation to an alternate and cast the build there.

        Return that host (empty when the instance was taken from us meanwhile), or None and why there is none.
        """
        refusals: list[str] = []
        deadline = self._clock() + self._patience_s
        while True:
            host = await self._store.write(lambda connection: self._choose(connection, instance_uuid))
            if host is None:
                return "", ""
            if not host:
                return None, "; ".join(refusals)
            try:
                given = await self._move_patiently(instance_uuid, host, deadline)
                zone = await self._allocations.zone_of(host)
            except (UnknownAllocationError, *_AWAY) as error:
                return None, "; ".join([*refusals, error.message])
            except EngineError as error:
                refusals.append(error.message)
                _LOG.info("instance %s: host %s does not take it: %s", instance_uuid, host, error.message)
                await self._store.write(lambda connection: self._refused(connection, instance_uuid))
                continue
            if await self._store.write(lambda connection: self._assign(connection, instance_uuid, host, zone, given)):  # noqa: B023
                self._wake()
                return host, ""
            return "", ""

    def _choose(self, connection: sa.Connection, instance_uuid: str) -> str | None:
        """Return the alternate to move to, recorded before anything is moved; empty: none, None: no longer ours."""
        row = get_instance(connection, instance_uuid, lock=True)
        failure = None if row is None else failure_of(row.scheduling)
        if row is None or failure is None or not _is_settling(row):
            return None
        if caller_of(row.scheduling) is None:
            return ""
        host = failure.moving or next_alternate(row.scheduling)
        if host and host != failure.moving:
            scheduling = with_failure(with_tried(row.scheduling, host), msgspec.structs.replace(failure, moving=host))
            change_instance(connection, row.uuid, {"scheduling": scheduling}, *SETTLING, now=self._clock())
        return host

    def _refused(self, connection: sa.Connection, instance_uuid: str) -> None:
        row = get_instance(connection, instance_uuid, lock=True)
        failure = None if row is None else failure_of(row.scheduling)
        if row is not None and failure is not None:
            scheduling = with_failure(row.scheduling, msgspec.structs.replace(failure, moving=""))
            change_instance(connection, row.uuid, {"scheduling": scheduling}, *SETTLING, now=self._clock())

    async def _move_patiently(self, instance_uuid: str, host: str, deadline: float) -> Assignment | None:
        """Move the allocation, tried again while the scheduler is away; moving it twice is moving it once."""
        pause_s = _PAUSE_S
        while True:
            try:
                return await self._allocations.move(instance_uuid, host)
            except _AWAY:
                if self._clock() + pause_s >= deadline:
                    raise
                await asyncio.sleep(pause_s)
                pause_s *= 2

    def _assign(
        self, connection: sa.Connection, instance_uuid: str, host: str, zone: str, given: Assignment | None
    ) -> bool:
        """Give the instance to a host and cast its build; return whether it was still ours to give."""
        row = get_instance(connection, instance_uuid, lock=True)
        caller = None if row is None else caller_of(row.scheduling)
        if row is None or caller is None or failure_of(row.scheduling) is None:
            return False
        now = self._clock()
        zone = row.requested_zone.partition(":")[0] or zone or row.availability_zone
        values: dict[str, Any] = {
            "host": host,
            "availability_zone": zone,
            "attempt": row.attempt + 1,
            "scheduling": with_assignment(settled(row.scheduling, keep_caller=True), given),
        }
        if not change_instance(connection, row.uuid, values, *SETTLING, instances.c.attempt == row.attempt, now=now):
            return False
        message = Build(instance_uuid=row.uuid, attempt=row.attempt + 1, caller=caller, cast_at_us=int(now * 1_000_000))
        cast(connection, compute_topic(host), message, now=now)
        return True

    async def _give_up(self, row: InstanceRow, failure: Failure, left: Sequence[str]) -> None:
        """End in ERROR with a fault; what could not be given back is recorded and tried again by the recovery."""
        kept = [REMOTE] if left else []
        try:
            await self._allocations.release(row.uuid)
        except _AWAY as error:
            _LOG.warning("instance %s: its allocation is not released yet: %s", row.uuid, error.message)
            kept.append(ALLOCATION)
        details = _joined(failure.details, f"not taken back yet: {'; '.join(left)}" if left else "")
        failure = msgspec.structs.replace(failure, details=details)
        await self._store.write(lambda connection: self._bury(connection, row.uuid, failure, tuple(kept)))

    def _bury(self, connection: sa.Connection, instance_uuid: str, failure: Failure, left: tuple[str, ...]) -> None:
        row = get_instance(connection, instance_uuid, lock=True)
        if row is None or not _is_settling(row) or failure_of(row.scheduling) is None:
            return
        now = self._clock()
        message = _fault_message(row, failure, undone=REMOTE not in left)
        values = {
            "vm_state": VmState.ERROR,
            "task_state": TaskState.NONE,
            "power_state": PowerState.NOSTATE,
            "availability_zone": "",
            "scheduling": settled(row.scheduling, left=left),
        }
        change_instance(connection, row.uuid, values, *SETTLING, now=now)
        add_fault(connection, row.uuid, message, details=failure.details, host=failure.host, now=now)
        end_open_events(connection, row.uuid, error=message, now=now, request_id=row.request_id)
        fail_action(connection, row.uuid, row.request_id, now=now)


def _unsettled(connection: sa.Connection, instance_uuid: str) -> tuple[InstanceRow, Failure, Instance] | None:
    """Return an instance whose failure is to be settled, or None."""
    row = get_instance(connection, instance_uuid)
    failure = None if row is None else failure_of(row.scheduling)
    if row is None or failure is None or not _is_settling(row):
        return None
    return row, failure, instance_message(row, devices_of(connection, row.uuid))


def _is_settling(row: InstanceRow) -> bool:
    return row.vm_state == VmState.BUILDING and row.task_state == TaskState.SCHEDULING and not row.host


def _forget_devices(connection: sa.Connection, instance_uuid: str) -> None:
    """Forget what was made for block devices; a volume that the user gave stays the one to use."""
    for device in devices_of(connection, instance_uuid):
        made = device.source_type != "volume"
        values = {"attachment_id": "", "connection_info": ""} | ({"volume_id": ""} if made else {})
        change_device(connection, device.uuid, values)


def _fault_message(row: InstanceRow, failure: Failure, *, undone: bool) -> str:
    """Return what the user is told, in nova's words where it has some."""
    if not row.attempt or (failure.reschedule and row.scheduling.get("force_host")):
        return failure.message
    if failure.reschedule and undone:
        exhausted = "Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures for"
        return f"{exhausted} instance {row.uuid}. {failure.message}".rstrip()
    aborted = f"Build of instance {row.uuid} aborted:"
    return failure.message if failure.message.startswith(aborted) else f"{aborted} {failure.message}"


def _joined(*texts: str) -> str:
    return "\n".join(text for text in texts if text)
