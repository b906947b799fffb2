"""The end of an instance in the database: its allocation given back, then marked deleted with all that is open."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import sqlalchemy as sa

from engine.boot.conductor.allocations import Allocations
from engine.boot.conductor.events import DELETE_EVENT
from engine.boot.conductor.instance_messages import instance_message
from engine.boot.conductor.scheduling import settled
from engine.boot.conductor.undo import Undo, undo_patiently
from engine.boot.messages import compute_topic
from engine.boot.states import PowerState, TaskState, VmState
from engine.boot.store.history import actions_of, begin_event, end_event, end_open_events
from engine.boot.store.instances import InstanceRow, change_instance, devices_of, get_instance, remove_device
from engine.boot.store.outbox import withdraw
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from engine.v1.instance_pb2 import Instance

_LOG = logging.getLogger("berth.conductor")


class Deletion:
    """Ends deletes: those that a host tells of, and those whose host is away or was never there."""

    def __init__(
        self, store: Store, allocations: Allocations, undo: Undo, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._allocations = allocations
        self._undo = undo
        self._clock = clock

    async def finish(self, instance_uuid: str, host: str) -> bool:
        """Mark an instance deleted, whose host says that nothing of it is left; return whether it is, now or before.

        Raises ServiceUnavailableError while the scheduler is away: then nothing is changed, and it may be told again.
        """
        row = await self._store.read(lambda connection: get_instance(connection, instance_uuid))
        if row is None:
            return True
        if row.host != host or row.task_state != TaskState.DELETING:
            return False
        await self._allocations.release(instance_uuid)
        return await self._store.write(lambda connection: self._mark(connection, instance_uuid, host))

    async def finish_without_host(self, instance_uuid: str, host: str) -> bool:
        """Do what is left to do of a delete without its host: the domain goes when the host is back."""
        instance = await self._store.read(lambda connection: _deleting(connection, instance_uuid, host))
        if instance is None:
            return False
        if await undo_patiently(self._undo, instance, failed_build=instance.vm_state == VmState.BUILDING):
            return False
        return await self.finish(instance_uuid, host)

    def _mark(self, connection: sa.Connection, instance_uuid: str, host: str) -> bool:
        row = get_instance(connection, instance_uuid, lock=True)
        if row is None:
            return True
        now = self._clock()
        values = {
            "vm_state": VmState.DELETED,
            "task_state": TaskState.NONE,
            "power_state": PowerState.NOSTATE,
            "interfaces": [],
            "scheduling": settled(row.scheduling),
            "terminated_at": now,
            "deleted": True,
        }
        expected = (instances.c.host == host, instances.c.task_state == TaskState.DELETING)
        if not change_instance(connection, instance_uuid, values, *expected, now=now):
            return False
        _close_history(connection, row, now)
        for device in devices_of(connection, instance_uuid):
            remove_device(connection, device.uuid)
        if host:
            withdraw(connection, compute_topic(host), instance_uuid)
        _LOG.debug("instance %s is deleted", instance_uuid)
        return True


def _close_history(connection: sa.Connection, row: InstanceRow, now: float) -> None:
    """End the delete's part of the history well, and every other that is open with an error.

    Where nobody recorded when the host began, it counts from when the user asked.
    """
    for action in actions_of(connection, row.uuid):
        if action.action == "delete":
            began = action.started_at
            begin_event(connection, row.uuid, action.request_id, DELETE_EVENT, host=row.host, now=began)
            end_event(connection, row.uuid, action.request_id, DELETE_EVENT, host=row.host, now=now)
    end_open_events(connection, row.uuid, error="The instance was deleted.", now=now)


def _deleting(connection: sa.Connection, instance_uuid: str, host: str) -> Instance | None:
    """Return an instance that is being deleted on a host, or None."""
    row = get_instance(connection, instance_uuid)
    if row is None or row.host != host or row.task_state != TaskState.DELETING:
        return None
    return instance_message(row, devices_of(connection, row.uuid))
