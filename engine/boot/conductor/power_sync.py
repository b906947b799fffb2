"""Power states: what hypervisors say against what the record says, by nova's rules.

The hypervisor's state is always copied. An instance that should run and does not is recorded as stopped; one that
should not run and does is to be powered off; a domain that no instance of this host owns is to be destroyed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from engine.boot.states import PowerState, TaskState, VmState
from engine.boot.store.instances import InstanceRow, change_instance, find_instances
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from engine.errors import InvalidRequestError
from engine.v1.conductor_service_pb2 import DOMAIN_ORDER_DESTROY, DOMAIN_ORDER_STOP, DomainCommand, DomainOrder

_CHUNK = 500
_OFF = (PowerState.SHUTDOWN, PowerState.CRASHED)
_NOT_ALIVE = (PowerState.NOSTATE, *_OFF)


class PowerSync:
    """Compares and corrects."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def compare(self, host: str, domains: Mapping[str, int], *, complete: bool) -> list[DomainCommand]:
        """Return what the host is to do; ``complete``: an instance whose domain is not among them has none."""
        for state in domains.values():
            if state not in tuple(PowerState):
                raise InvalidRequestError(f"there is no power state {state}")
        rows = await self._store.read(lambda connection: _rows(connection, host, domains, complete=complete))
        commands: list[DomainCommand] = []
        changes: list[tuple[InstanceRow, dict[str, Any]]] = []
        for uuid in domains:
            row = rows.get(uuid)
            if row is None or row.deleted or row.host != host:
                commands.append(DomainCommand(instance_uuid=uuid, order=DOMAIN_ORDER_DESTROY))
        for uuid, row in rows.items():
            if row.deleted or row.host != host or row.task_state or row.vm_state == VmState.BUILDING:
                continue
            values, order = verdict(row, PowerState(domains.get(uuid, PowerState.NOSTATE)))
            if values:
                changes.append((row, values))
            if order is not None:
                commands.append(DomainCommand(instance_uuid=uuid, order=order))
        if changes:
            await self._store.write(lambda connection: self._apply(connection, changes))
        return commands

    def _apply(self, connection: sa.Connection, changes: Iterable[tuple[InstanceRow, dict[str, Any]]]) -> None:
        for row, values in changes:
            unchanged = (
                instances.c.host == row.host,
                instances.c.vm_state == row.vm_state,
                instances.c.task_state == TaskState.NONE,
            )
            change_instance(connection, row.uuid, values, *unchanged, now=self._clock())


def verdict(row: InstanceRow, found: PowerState) -> tuple[dict[str, Any], DomainOrder | None]:
    """Return what changes in the record of an instance with nothing under way, and what its host is to do."""
    values: dict[str, Any] = {} if row.power_state == found else {"power_state": int(found)}
    order: DomainOrder | None = None
    if row.vm_state == VmState.ACTIVE and found in (*_OFF, PowerState.SUSPENDED):
        values["vm_state"] = VmState.STOPPED
        order = DOMAIN_ORDER_STOP if found != PowerState.SHUTDOWN else None
    elif row.vm_state == VmState.PAUSED and found in _OFF:
        values["vm_state"] = VmState.STOPPED
        order = DOMAIN_ORDER_STOP if found == PowerState.CRASHED else None
    elif row.vm_state == VmState.STOPPED and found not in _NOT_ALIVE:
        order = DOMAIN_ORDER_STOP
    return values, order


def _rows(
    connection: sa.Connection, host: str, domains: Mapping[str, int], *, complete: bool
) -> dict[str, InstanceRow]:
    """Return the instances of these domains, deleted ones too, and all of the host where it told of all it has."""
    rows: dict[str, InstanceRow] = {}
    if complete:
        mine = find_instances(connection, instances.c.host == host, instances.c.deleted.is_(False))
        rows = {row.uuid: row for row in mine}
    others = [uuid for uuid in domains if uuid not in rows]
    for first in range(0, len(others), _CHUNK):
        chunk = find_instances(connection, instances.c.uuid.in_(others[first : first + _CHUNK]))
        rows |= {row.uuid: row for row in chunk}
    return rows
