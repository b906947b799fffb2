"""The good way of a build through the database: begun, moved on, finished; each a compare-and-swap."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.boot.conductor.events import BUILD_EVENT
from engine.boot.conductor.instance_messages import (
    device_changes,
    instance_message,
    interface_values,
    step_rows,
)
from engine.boot.conductor.scheduling import settled, with_caller
from engine.boot.messages import Build, Caller, compute_topic, decode
from engine.boot.states import BUILD_STATES, PowerState, TaskState, VmState
from engine.boot.store.history import StepRow, add_steps_once, begin_event, end_event
from engine.boot.store.instances import InstanceRow, change_device, change_instance, devices_of, get_instance
from engine.boot.store.outbox import waiting_for
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from engine.errors import InvalidRequestError
from engine.v1.conductor_service_pb2 import (
    BUILD_ORDER_DELETING,
    BUILD_ORDER_RESUME,
    BUILD_ORDER_STALE,
    BUILD_ORDER_START,
    BuildOrder,
    StartBuildResponse,
)
from engine.v1.instance_pb2 import BlockDevice, NetworkInterface, StepRecord

_SAVED_STATES = tuple(state for state in BUILD_STATES if state not in (TaskState.SCHEDULING, TaskState.NONE))


@dataclass(frozen=True)
class Claim:
    """What a host says it builds: an instance, in one of its attempts."""

    instance_uuid: str
    host: str
    attempt: int

    def is_of(self, row: InstanceRow) -> bool:
        """Whether the record says the same."""
        return row.host == self.host and row.attempt == self.attempt

    def expected(self) -> tuple[sa.ColumnElement[bool], ...]:
        """Return the conditions under which the record may be changed in this claim's name."""
        return (
            instances.c.host == self.host,
            instances.c.attempt == self.attempt,
            instances.c.vm_state == VmState.BUILDING,
            instances.c.task_state != TaskState.DELETING,
        )


def order_for(claim: Claim, row: InstanceRow | None) -> BuildOrder:
    """Return what the one who makes this claim is to do."""
    if row is None or not claim.is_of(row):
        return BUILD_ORDER_STALE
    if row.task_state == TaskState.DELETING:
        return BUILD_ORDER_DELETING
    if row.vm_state != VmState.BUILDING or row.task_state not in BUILD_STATES:
        return BUILD_ORDER_STALE
    return BUILD_ORDER_START if row.task_state == TaskState.SCHEDULING else BUILD_ORDER_RESUME


class Builds:
    """Begins, moves on and finishes builds in the name of the hosts that do them."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def start(self, claim: Claim, steps: Sequence[StepRecord]) -> StartBuildResponse:
        """Take a build from scheduling, or say what else is to be done; steps 15 to 17 are measured here."""
        arrived_us = self._now_us()
        given = step_rows(claim.instance_uuid, claim.attempt, claim.host, steps)
        queued_us = self._now_us()

        def work(connection: sa.Connection) -> StartBuildResponse:
            opened_us = self._now_us()
            row = get_instance(connection, claim.instance_uuid, lock=True)
            order = order_for(claim, row)
            if row is None or order not in (BUILD_ORDER_START, BUILD_ORDER_RESUME):
                return StartBuildResponse(order=order)
            devices = devices_of(connection, row.uuid)
            read_us = self._now_us()
            own = [
                StepRecord(step=15, started_us=arrived_us, finished_us=queued_us, detail="StartBuild"),
                StepRecord(step=16, started_us=queued_us, finished_us=opened_us, detail=connection.dialect.name),
                StepRecord(step=17, started_us=opened_us, finished_us=read_us, detail=f"instance {row.number}"),
            ]
            told = given
            if order == BUILD_ORDER_START:
                self._begin(connection, row, claim)
                told = given + step_rows(claim.instance_uuid, claim.attempt, claim.host, own)
            add_steps_once(connection, told)
            return StartBuildResponse(order=order, instance=instance_message(row, devices), steps=own)

        return await self._store.write(work)

    def _begin(self, connection: sa.Connection, row: InstanceRow, claim: Claim) -> None:
        now = self._clock()
        caller = caller_in_casts(connection, claim)
        scheduling = row.scheduling if caller is None else with_caller(row.scheduling, caller)
        values = {"task_state": TaskState.NONE, "scheduling": scheduling}
        # the row was read, and is held, in this transaction: it is as order_for found it
        change_instance(connection, row.uuid, values, now=now)
        begin_event(connection, row.uuid, row.request_id, BUILD_EVENT, host=claim.host, now=now)

    async def save(
        self,
        claim: Claim,
        task_state: str,
        steps: Sequence[StepRecord],
        interfaces: Sequence[NetworkInterface],
        block_devices: Sequence[BlockDevice],
    ) -> BuildOrder:
        """Record how far a build has come; return START where it is still the claimer's."""
        if task_state and task_state not in _SAVED_STATES:
            raise InvalidRequestError(f"a build is not saved as {task_state[:64]!r}: {', '.join(_SAVED_STATES)}")
        rows = step_rows(claim.instance_uuid, claim.attempt, claim.host, steps)

        def work(connection: sa.Connection) -> BuildOrder:
            row = get_instance(connection, claim.instance_uuid, lock=True)
            order = order_for(claim, row)
            if order != BUILD_ORDER_RESUME:
                # what was never started cannot have moved on
                return BUILD_ORDER_DELETING if order == BUILD_ORDER_DELETING else BUILD_ORDER_STALE
            values: dict[str, Any] = {"task_state": task_state} if task_state else {}
            self._change(connection, claim, values, rows, interfaces, block_devices)
            return BUILD_ORDER_START

        return await self._store.write(work)

    async def finish(
        self,
        claim: Claim,
        power_state: int,
        steps: Sequence[StepRecord],
        interfaces: Sequence[NetworkInterface],
        block_devices: Sequence[BlockDevice],
        root_device_name: str,
    ) -> BuildOrder:
        """Record that the instance runs; return START where it does so in this claim's name, now or since before."""
        if power_state not in tuple(PowerState):
            raise InvalidRequestError(f"there is no power state {power_state}")
        rows = step_rows(claim.instance_uuid, claim.attempt, claim.host, steps)

        def work(connection: sa.Connection) -> BuildOrder:
            row = get_instance(connection, claim.instance_uuid, lock=True)
            order = order_for(claim, row)
            if row is not None and order == BUILD_ORDER_STALE and claim.is_of(row) and row.launched_at is not None:
                return BUILD_ORDER_START
            if row is None or order != BUILD_ORDER_RESUME:
                return BUILD_ORDER_DELETING if order == BUILD_ORDER_DELETING else BUILD_ORDER_STALE
            now = self._clock()
            values = {
                "vm_state": VmState.ACTIVE,
                "task_state": TaskState.NONE,
                "power_state": power_state,
                "launched_at": now,
                "scheduling": settled(row.scheduling),
            } | ({"root_device_name": root_device_name} if root_device_name else {})
            self._change(connection, claim, values, rows, interfaces, block_devices)
            end_event(connection, row.uuid, row.request_id, BUILD_EVENT, host=claim.host, now=now)
            return BUILD_ORDER_START

        return await self._store.write(work)

    def _change(
        self,
        connection: sa.Connection,
        claim: Claim,
        values: dict[str, Any],
        steps: Sequence[StepRow],
        interfaces: Sequence[NetworkInterface],
        block_devices: Sequence[BlockDevice],
    ) -> None:
        """Change the record, which this transaction has read and holds, and its devices, and add the steps."""
        if interfaces:
            values = {**values, "interfaces": interface_values(interfaces)}
        change_instance(connection, claim.instance_uuid, values, now=self._clock())
        save_devices(connection, claim.instance_uuid, block_devices)
        add_steps_once(connection, steps)

    def _now_us(self) -> int:
        return int(self._clock() * 1_000_000)


def save_devices(connection: sa.Connection, instance_uuid: str, block_devices: Sequence[BlockDevice]) -> None:
    """Change the records of an instance's block devices; raise InvalidRequestError for one that is not its own."""
    if not block_devices:
        return
    own = {device.uuid for device in devices_of(connection, instance_uuid)}
    for device in block_devices:
        if device.uuid not in own:
            raise InvalidRequestError(f"instance {instance_uuid} has no block device {device.uuid[:64]!r}")
        change_device(connection, device.uuid, device_changes(device))


def caller_in_casts(connection: sa.Connection, claim: Claim) -> Caller | None:
    """Return who asked, from the message that announced the build, where it is still in the database."""
    for waiting in waiting_for(connection, compute_topic(claim.host), claim.instance_uuid):
        try:
            message = decode(waiting.body)
        except msgspec.MsgspecError:
            continue
        if isinstance(message, Build) and message.attempt == claim.attempt:
            return message.caller
    return None
