"""The end of actions on a running instance: start, stop, reboot, attach and detach, as its host tells it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from engine.boot.conductor.events import ACTION_EVENTS, DELETE_EVENT
from engine.boot.conductor.instance_messages import device_changes
from engine.boot.states import PowerState, TaskState, VmState
from engine.boot.store.history import actions_of, add_fault, begin_event, end_event, fail_action
from engine.boot.store.instances import (
    InstanceRow,
    change_device,
    change_instance,
    devices_of,
    get_instance,
    remove_device,
)
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from engine.errors import InvalidRequestError
from engine.v1.conductor_service_pb2 import FinishActionRequest
from engine.v1.instance_pb2 import BlockDevice

TASKS_OF_ACTION = {
    "start": (TaskState.POWERING_ON,),
    "stop": (TaskState.POWERING_OFF,),
    "reboot": (TaskState.REBOOTING, TaskState.REBOOTING_HARD),
}
_VM_STATE_AFTER = {"start": VmState.ACTIVE, "stop": VmState.STOPPED, "reboot": VmState.ACTIVE}
_VOLUME_ACTIONS = ("attach_volume", "detach_volume")


class Actions:
    """Records how actions ended; one that is not under way (any more) on that host changes nothing but its history."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def finish(self, request: FinishActionRequest) -> None:
        """Record the end of any action but a delete that went well; raise InvalidRequestError for an unknown one."""
        action = request.action
        if action not in ACTION_EVENTS:
            raise InvalidRequestError(f"there is no action {action[:64]!r}: {', '.join(ACTION_EVENTS)}")
        if request.vm_state and request.vm_state not in tuple(VmState):
            raise InvalidRequestError(f"there is no vm_state {request.vm_state[:64]!r}")
        if request.HasField("power_state") and request.power_state not in tuple(PowerState):
            raise InvalidRequestError(f"there is no power state {request.power_state}")
        if action in _VOLUME_ACTIONS and not request.HasField("block_device"):
            raise InvalidRequestError(f"{action} is about a block device")

        def work(connection: sa.Connection) -> None:
            row = get_instance(connection, request.instance_uuid, lock=True)
            if row is None or row.host != request.host:
                return
            if action == "delete":
                self._fail_delete(connection, row, request.error)
            elif action in _VOLUME_ACTIONS:
                _change_device(connection, row, action, request.block_device, failed=bool(request.error))
            else:
                self._end_task(connection, row, request)
            self._record(connection, row, request)

        await self._store.write(work)

    def _end_task(self, connection: sa.Connection, row: InstanceRow, request: FinishActionRequest) -> None:
        values: dict[str, Any] = {"task_state": TaskState.NONE}
        if not request.error:
            values["vm_state"] = request.vm_state or _VM_STATE_AFTER[request.action]
        if request.HasField("power_state"):
            values["power_state"] = request.power_state
        tasks = TASKS_OF_ACTION[request.action]
        under_way = (instances.c.host == request.host, instances.c.task_state.in_(tasks))
        change_instance(connection, row.uuid, values, *under_way, now=self._clock())

    def _fail_delete(self, connection: sa.Connection, row: InstanceRow, error: str) -> None:
        """End a delete that its host gives up in ERROR, still on that host, so that it can be asked for again."""
        now = self._clock()
        values = {"vm_state": VmState.ERROR, "task_state": TaskState.NONE}
        deleting = instances.c.task_state == TaskState.DELETING
        if change_instance(connection, row.uuid, values, instances.c.host == row.host, deleting, now=now):
            add_fault(connection, row.uuid, error, host=row.host, now=now)

    def _record(self, connection: sa.Connection, row: InstanceRow, request: FinishActionRequest) -> None:
        """End the action's part of the history, which began when the user asked where nobody recorded it."""
        event = DELETE_EVENT if request.action == "delete" else ACTION_EVENTS[request.action]
        asked = next((one for one in actions_of(connection, row.uuid) if one.request_id == request.request_id), None)
        if asked is None:
            return
        now = self._clock()
        begin_event(connection, row.uuid, request.request_id, event, host=row.host, now=asked.started_at)
        end_event(connection, row.uuid, request.request_id, event, host=row.host, error=request.error, now=now)
        if request.error:
            fail_action(connection, row.uuid, request.request_id, now=now)


def _change_device(
    connection: sa.Connection, row: InstanceRow, action: str, device: BlockDevice, *, failed: bool
) -> None:
    """Keep an attached device as it is now; forget one that is detached, or that could not be attached."""
    if device.uuid not in {own.uuid for own in devices_of(connection, row.uuid)}:
        return
    if (action == "attach_volume") == failed:
        remove_device(connection, device.uuid)
    elif action == "attach_volume":
        change_device(connection, device.uuid, device_changes(device))
