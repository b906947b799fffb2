"""Instances and their block devices in the database: read whole, changed only where they are as expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.boot.store.schema import block_devices, instances


@dataclass(frozen=True)
class InstanceRow:
    """One instance's record, field by field as the table has it."""

    number: int
    uuid: str
    display_name: str
    hostname: str
    description: str
    project_id: str
    user_id: str
    project_name: str
    user_name: str
    reservation_id: str
    launch_index: int
    request_id: str
    vm_state: str
    task_state: str
    power_state: int
    host: str
    availability_zone: str
    requested_zone: str
    flavor_id: str
    flavor: dict[str, Any]
    image_id: str
    image: dict[str, Any]
    requested_networks: list[dict[str, Any]]
    interfaces: list[dict[str, Any]]
    security_groups: list[str]
    metadata: dict[str, str]
    tags: list[str]
    scheduling: dict[str, Any]
    server_group: str
    key_name: str
    key_data: str
    user_data: str
    config_drive: bool
    root_device_name: str
    attempt: int
    locked: bool
    locked_by: str
    locked_reason: str
    created_at: float
    updated_at: float
    progress_at: float
    launched_at: float | None
    terminated_at: float | None
    deleted: bool


@dataclass(frozen=True)
class BlockDeviceRow:
    """One block device's record."""

    uuid: str
    instance_uuid: str
    position: int
    source_type: str
    destination_type: str
    image_id: str
    volume_id: str
    attachment_id: str
    size_gb: int
    boot_index: int
    device_name: str
    delete_on_termination: bool
    volume_type: str
    tag: str
    connection_info: str


_COLUMNS = [instances.c[field.name] for field in fields(InstanceRow)]
_DEVICE_COLUMNS = [block_devices.c[field.name] for field in fields(BlockDeviceRow)]


def _one(*, deleted: bool, lock: bool) -> sa.Select[Any]:
    query = sa.select(*_COLUMNS).where(instances.c.uuid == sa.bindparam("wanted"))
    if not deleted:
        query = query.where(instances.c.deleted.is_(False))
    return query.with_for_update() if lock else query


# statements of every boot: made once, as making them costs as much as running them
_ONE = {(deleted, lock): _one(deleted=deleted, lock=lock) for deleted in (False, True) for lock in (False, True)}
_DEVICES = (
    sa.select(*_DEVICE_COLUMNS)
    .where(block_devices.c.instance_uuid == sa.bindparam("wanted"))
    .order_by(block_devices.c.position)
)


def add_instances(connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert instances; each mapping names columns, and what it leaves out gets the table's default."""
    for row in rows:
        connection.execute(instances.insert().values(**row))


def get_instance(
    connection: sa.Connection, uuid: str, *, deleted: bool = False, lock: bool = False
) -> InstanceRow | None:
    """Return an instance, or None; one that is deleted only when ``deleted`` asks for it.

    ``lock``: nobody else changes it until the transaction ends (where several write at a time; SQLite has one writer).
    """
    found = connection.execute(_ONE[deleted, lock], {"wanted": uuid}).first()
    return None if found is None else InstanceRow(*found)


def find_instances(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool], limit: int | None = None, newest_first: bool = False
) -> list[InstanceRow]:
    """Return the instances that meet all conditions on ``schema.instances``, oldest first unless told otherwise."""
    order = instances.c.number.desc() if newest_first else instances.c.number.asc()
    query = sa.select(*_COLUMNS).where(*conditions).order_by(order).limit(limit)
    return [InstanceRow(*row) for row in connection.execute(query)]


def change_instance(
    connection: sa.Connection, uuid: str, values: Mapping[str, Any], *expected: sa.ColumnElement[bool], now: float
) -> bool:
    """Change a live instance where it still meets every ``expected`` condition; return whether it did.

    ``updated_at`` becomes ``now``; and ``progress_at`` too, since whoever changes a record moves it on.
    """
    changed: dict[str, Any] = {"updated_at": now, "progress_at": now} | dict(values)
    statement = _change_of(tuple(changed))
    if expected:
        statement = statement.where(*expected)
    parameters = {f"to_{name}": value for name, value in changed.items()}
    return connection.execute(statement, parameters | {"wanted": uuid}).rowcount == 1


@cache
def _change_of(names: tuple[str, ...]) -> sa.Update:
    """Return the statement that changes some columns of a live instance; there are few sets of columns."""
    return (
        instances.update()
        .where(instances.c.uuid == sa.bindparam("wanted"), instances.c.deleted.is_(False))
        .values({name: sa.bindparam(f"to_{name}") for name in names})
    )


def devices_of(connection: sa.Connection, instance_uuid: str) -> list[BlockDeviceRow]:
    """Return an instance's block devices in the order of its request."""
    return [BlockDeviceRow(*row) for row in connection.execute(_DEVICES, {"wanted": instance_uuid})]


def devices_of_many(connection: sa.Connection, instance_uuids: Iterable[str]) -> dict[str, list[BlockDeviceRow]]:
    """Return the block devices of several instances, by instance."""
    wanted = list(instance_uuids)
    if len(wanted) == 1:
        return {wanted[0]: devices_of(connection, wanted[0])}
    found: dict[str, list[BlockDeviceRow]] = {}
    query = (
        sa.select(*_DEVICE_COLUMNS).where(block_devices.c.instance_uuid.in_(wanted)).order_by(block_devices.c.position)
    )
    for row in connection.execute(query):
        device = BlockDeviceRow(*row)
        found.setdefault(device.instance_uuid, []).append(device)
    return found


def add_devices(connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert block devices; each mapping names columns."""
    for row in rows:
        connection.execute(block_devices.insert().values(**row))


def change_device(connection: sa.Connection, uuid: str, values: Mapping[str, Any]) -> bool:
    """Change one block device; return whether there was one."""
    parameters = {f"to_{name}": value for name, value in values.items()}
    return connection.execute(_device_change_of(tuple(values)), parameters | {"wanted": uuid}).rowcount == 1


@cache
def _device_change_of(names: tuple[str, ...]) -> sa.Update:
    return (
        block_devices.update()
        .where(block_devices.c.uuid == sa.bindparam("wanted"))
        .values({name: sa.bindparam(f"to_{name}") for name in names})
    )


def remove_device(connection: sa.Connection, uuid: str) -> None:
    """Remove one block device's record."""
    connection.execute(block_devices.delete().where(block_devices.c.uuid == uuid))
