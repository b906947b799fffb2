"""One Schedule message: the scheduler is asked for hosts, and the records have them, or say why there are none."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from engine.boot.api.deps import Deps
from engine.boot.api.host_zones import HostZones
from engine.boot.api.request_spec import request_spec_of
from engine.boot.assignment import with_assignment
from engine.boot.messages import SCHEDULE_TOPIC, Build, Delete, Message, Schedule, compute_topic
from engine.boot.states import TaskState, VmState
from engine.boot.store.history import StepRow, add_fault, add_steps, begin_event, end_event, fail_action
from engine.boot.store.instances import (
    BlockDeviceRow,
    InstanceRow,
    change_instance,
    devices_of,
    find_instances,
    get_instance,
)
from engine.boot.store.outbox import acknowledge, cast
from engine.boot.store.schema import instances
from engine.errors import (
    AllocationExistsError,
    EngineError,
    LedgerError,
    NoValidHostError,
    ServiceUnavailableError,
    ShuttingDownError,
)
from engine.v1.request_spec_pb2 import RequestSpec
from engine.v1.scheduler_service_pb2 import SelectDestinationsResponse
from engine.v1.selection_pb2 import Selection

_LOG = logging.getLogger("berth.api")
_EVENT = "conductor_schedule_and_build_instances"
_NO_VALID_HOST = "No valid host was found. "
_NOT_ENOUGH = f"{_NO_VALID_HOST}There are not enough hosts available."
_AWAY = (ServiceUnavailableError, ShuttingDownError, LedgerError)
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True)
class Refusal:
    """Why there is no host: ``message`` for the user, ``details`` for administrators.

    ``may_hold``: an answer may have been lost, so that the scheduler may have claimed hosts nevertheless.
    """

    message: str
    details: str = ""
    may_hold: bool = False


@dataclass(frozen=True)
class Placed:
    """The scheduler's answer, when it was asked for and when it came (microseconds), and the hosts' zones."""

    response: SelectDestinationsResponse
    asked_us: int
    answered_us: int
    zones: dict[str, str] = field(default_factory=dict)


class Scheduling:
    """Takes Schedule messages to their end; every part of it can be done again after a crash."""

    def __init__(self, deps: Deps, zones: HostZones) -> None:
        self._deps = deps
        self._zones = zones

    async def settle(self, number: int, message: Schedule) -> list[tuple[int, Message]]:
        """Give the message's instances hosts, or faults, and acknowledge it; return messages for the worker."""
        uuids = message.instance_uuids
        rows, devices = await self._deps.store.look_up(lambda connection: _rows(connection, uuids))
        if not any(_waits(row) for row in rows):
            await self._finish(number, uuids)
            return []
        spec = request_spec_of(uuids, rows[0], devices)
        outcome = await self._select(spec, uuids)
        if isinstance(outcome, Refusal):
            return await self._deps.store.write(lambda connection: self._refused(connection, number, message, outcome))
        await self._pause_for_drills()
        stray = await self._deps.store.write(lambda connection: self._placed(connection, number, message, outcome))
        self._deps.conductor.wake_up()
        if stray:
            await self._finish(number, stray)
        return []

    async def _select(self, spec: RequestSpec, uuids: Sequence[str]) -> Placed | Refusal:
        """Ask until there is an answer, or until the scheduler has been away for too long."""
        deps = self._deps
        loop = asyncio.get_running_loop()
        deadline = loop.time() + deps.settings.boot.scheduler_timeout_s
        pause_s = _FIRST_PAUSE_S
        while True:
            asked_us = _now_us()
            try:
                response = await deps.in_thread(deps.scheduler.select_destinations, spec, client_token=uuids[0])
                answered_us = _now_us()
                hosts = {selection.host.host_id for selection in response.selections}
                zones = {host: spec.availability_zone or await self._zones.of(host) for host in hosts}
                return Placed(response, asked_us, answered_us, zones)
            except NoValidHostError as error:
                return Refusal(_NOT_ENOUGH, _rejections(error))
            except AllocationExistsError:
                # an answer older than the scheduler's memory of tokens was lost: what it claimed is nobody's
                await deps.in_thread(deps.scheduler.release_allocations, list(uuids))
            except _AWAY as error:
                if loop.time() >= deadline:
                    waited = deps.settings.boot.scheduler_timeout_s
                    said = f"{_NO_VALID_HOST}The scheduler could not be used for {waited:g} s."
                    return Refusal(said, error.message, may_hold=True)
                # the last try comes when the time is up, not a long pause before
                pause_s = min(pause_s, max(deadline - loop.time(), _FIRST_PAUSE_S))
                _LOG.warning("the scheduler is away, asked again in %g s: %s", pause_s, error.message)
            except EngineError as error:
                return Refusal(f"{_NO_VALID_HOST}{error.message}", error.reason)
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    def _placed(self, connection: sa.Connection, number: int, message: Schedule, placed: Placed) -> list[str]:
        """Record the hosts and cast the builds; return instances that are not to be built (any more)."""
        now = self._deps.clock()
        generation = placed.response.inventory_generation
        stray = []
        for selection in placed.response.selections:
            uuid, host = selection.instance_uuid, selection.host.host_id
            row = get_instance(connection, uuid)
            alternates = [choice.host_id for choice in selection.alternates]
            given = selection.assignment if selection.HasField("assignment") else None
            if row is None or not change_instance(
                connection,
                uuid,
                {
                    "host": host,
                    "availability_zone": placed.zones[host],
                    "attempt": 1,
                    "scheduling": {**with_assignment(row.scheduling, given), "alternates": alternates, "tried": []},
                },
                *_WAITING,
                now=now,
            ):
                # another worker may have placed it: then its allocation is in use
                if row is None or not row.host:
                    stray.append(uuid)
                continue
            add_steps(connection, _steps(uuid, selection, placed, generation, int(now * 1e6)))
            build = Build(instance_uuid=uuid, attempt=1, caller=message.caller, cast_at_us=_now_us())
            cast(connection, compute_topic(host), build, now=now)
        if not stray:
            acknowledge(connection, [number])
        return stray

    def _refused(
        self, connection: sa.Connection, number: int, message: Schedule, refusal: Refusal
    ) -> list[tuple[int, Message]]:
        """Put what still waits into ERROR, all together as nova does; return sweeps for what they may hold."""
        now = self._deps.clock()
        request_id = message.caller.request_id
        sweeps: list[tuple[int, Message]] = []
        for uuid in message.instance_uuids:
            sweep = Delete(instance_uuid=uuid, request_id=request_id)
            values = {"vm_state": VmState.ERROR.value, "task_state": TaskState.NONE.value}
            if change_instance(connection, uuid, values, *_WAITING, now=now):
                add_fault(connection, uuid, refusal.message, details=refusal.details, now=now)
                begin_event(connection, uuid, request_id, _EVENT, now=now)
                end_event(connection, uuid, request_id, _EVENT, error=refusal.message, now=now)
                fail_action(connection, uuid, request_id, now=now)
                add_steps(connection, [_failed_step(uuid, refusal, int(now * 1e6))])
            if refusal.may_hold or any(device.attachment_id for device in devices_of(connection, uuid)):
                sweeps.append((cast(connection, SCHEDULE_TOPIC, sweep, now=now), sweep))
        acknowledge(connection, [number])
        return sweeps

    async def give_up(self, number: int, message: Schedule, why: str) -> list[tuple[int, Message]]:
        """Put the message's instances into ERROR after a failure that nothing foresaw; as ``settle`` otherwise."""
        refusal = Refusal(f"{_NO_VALID_HOST}The request could not be handled.", why, may_hold=True)
        return await self._deps.store.write(lambda connection: self._refused(connection, number, message, refusal))

    async def _finish(self, number: int, uuids: Sequence[str]) -> None:
        """Give back what instances hold that nobody builds, then acknowledge."""
        idle = await self._deps.store.read(lambda connection: _without_host(connection, uuids))
        if idle:
            await self._deps.in_thread(self._deps.scheduler.release_allocations, idle)
        await self._deps.store.write(lambda connection: acknowledge(connection, [number]))

    async def _pause_for_drills(self) -> None:
        """Wait, or fail, where a fault rule asks for it: between the scheduler's claim and its record."""
        plan = self._deps.faults
        rule = None if plan is None else plan.rule("api", "record_selection")
        if rule is not None:
            await asyncio.sleep(rule.delay_s)
            if rule.status:
                raise ServiceUnavailableError(rule.message)


_WAITING = (
    instances.c.vm_state == VmState.BUILDING.value,
    instances.c.task_state == TaskState.SCHEDULING.value,
    instances.c.host == "",
    instances.c.attempt == 0,
)
"""What holds for an instance that still wants its first host."""


def _waits(row: InstanceRow) -> bool:
    return (
        not row.deleted
        and (row.vm_state, row.task_state) == (VmState.BUILDING, TaskState.SCHEDULING)
        and not row.host
        and row.attempt == 0
    )


def _rows(connection: sa.Connection, uuids: Sequence[str]) -> tuple[list[InstanceRow], list[BlockDeviceRow]]:
    rows = find_instances(connection, instances.c.uuid.in_(list(uuids)))
    return rows, devices_of(connection, rows[0].uuid) if rows else []


def _without_host(connection: sa.Connection, uuids: Sequence[str]) -> list[str]:
    """Return those that have no host: nothing but a lost answer can hold an allocation for them."""
    placed = {row.uuid for row in find_instances(connection, instances.c.uuid.in_(list(uuids))) if row.host}
    return [uuid for uuid in uuids if uuid not in placed]


def _steps(uuid: str, selection: Selection, placed: Placed, generation: int, now_us: int) -> list[StepRow]:
    """Return steps 8 to 12; of 9 and 10 the API knows only that they lie within the call."""
    asked_us, answered_us = placed.asked_us, placed.answered_us
    host = selection.host
    alternates = ", ".join(choice.host_id for choice in selection.alternates) or "none"
    done_us = max(now_us, answered_us)

    def step(number: int, started_us: int, finished_us: int, detail: str) -> StepRow:
        return StepRow(uuid, 1, number, host.host_id, started_us, finished_us, "", detail)

    return [
        step(8, asked_us, answered_us, f"SelectDestinations for {len(placed.response.selections)}, token {uuid}"),
        step(9, asked_us, answered_us, "within the call of step 8"),
        step(10, asked_us, answered_us, f"weight {host.weight:g}, inventory generation {generation}"),
        step(11, answered_us, done_us, f"host {host.host_id}, alternates {alternates}"),
        step(12, done_us, done_us, f"cast to {compute_topic(host.host_id)}"),
    ]


def _failed_step(uuid: str, refusal: Refusal, now_us: int) -> StepRow:
    return StepRow(uuid, 1, 11, "", now_us, now_us, refusal.message, refusal.details)


def _rejections(error: NoValidHostError) -> str:
    """Return what each filter removed, for administrators."""
    removed = ", ".join(f"{name} removed {count}" for name, count in error.rejections.items())
    return f"{error.message} Of {error.hosts_total} hosts: {removed or 'none was refused by a filter'}."


def _now_us() -> int:
    return time.time_ns() // 1000
