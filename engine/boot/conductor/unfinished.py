"""What the recovery finds in the database: work that nobody does (any more), and why."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from engine.boot.conductor.scheduling import failure_of, left_of
from engine.boot.messages import SCHEDULE_TOPIC, Schedule, compute_topic, decode
from engine.boot.states import BUILD_STATES, TaskState, VmState
from engine.boot.store.instances import InstanceRow, find_instances
from engine.boot.store.outbox import waiting, waiting_for
from engine.boot.store.schema import instances

ACTION_STATES = (
    TaskState.POWERING_OFF,
    TaskState.POWERING_ON,
    TaskState.REBOOTING,
    TaskState.REBOOTING_HARD,
)
_TASKS = (*(state for state in BUILD_STATES if state), TaskState.DELETING, *ACTION_STATES)
_ALIVE = instances.c.deleted.is_(False)


@dataclass(frozen=True)
class Unfinished:
    """Instances by what is unfinished about them; those with a host may well be worked on."""

    unsettled: list[InstanceRow]
    unplaced: list[InstanceRow]
    building: list[InstanceRow]
    deleting: list[InstanceRow]
    acting: list[InstanceRow]
    left_behind: list[InstanceRow]

    def hosts(self) -> set[str]:
        """Return the hosts that have something to do."""
        return {row.host for row in (*self.building, *self.deleting, *self.acting) if row.host}


def find_unfinished(connection: sa.Connection) -> Unfinished:
    """Return everything that is under way or was left behind."""
    under_way = find_instances(connection, _ALIVE, instances.c.task_state.in_(_TASKS))
    picked_up = find_instances(
        connection, _ALIVE, instances.c.task_state == TaskState.NONE, instances.c.vm_state == VmState.BUILDING
    )
    builds = [row for row in (*under_way, *picked_up) if _is_build(row)]
    hostless = [row for row in builds if not row.host]
    errors = find_instances(
        connection,
        _ALIVE,
        instances.c.vm_state == VmState.ERROR,
        sa.cast(instances.c.scheduling, sa.Text).contains('"left"'),
    )
    return Unfinished(
        unsettled=[row for row in hostless if failure_of(row.scheduling) is not None],
        unplaced=[row for row in hostless if failure_of(row.scheduling) is None],
        building=[row for row in builds if row.host],
        deleting=[row for row in under_way if row.task_state == TaskState.DELETING],
        acting=[row for row in under_way if row.task_state in ACTION_STATES],
        left_behind=[row for row in errors if left_of(row.scheduling)],
    )


def is_announced(connection: sa.Connection, row: InstanceRow) -> bool:
    """Whether a message about an instance waits for its host."""
    return bool(waiting_for(connection, compute_topic(row.host), row.uuid))


def to_be_scheduled(connection: sa.Connection) -> set[str]:
    """Return the instances that a waiting message asks the scheduler about."""
    found: set[str] = set()
    for row in waiting(connection, topic=SCHEDULE_TOPIC):
        try:
            message = decode(row.body)
        except msgspec.MsgspecError:
            continue
        if isinstance(message, Schedule):
            found.update(message.instance_uuids)
    return found


def _is_build(row: InstanceRow) -> bool:
    return row.vm_state == VmState.BUILDING and row.task_state in BUILD_STATES
