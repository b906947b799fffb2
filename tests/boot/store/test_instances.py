"""Instances and block devices: read whole, changed only where they are as expected."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from engine.boot.store.instances import (
    add_devices,
    change_device,
    change_instance,
    devices_of,
    devices_of_many,
    find_instances,
    get_instance,
    remove_device,
)
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from tests.boot.store.databases import add


def run(store: Store, work: Any) -> Any:
    return asyncio.run(store.write(work))


def test_an_instance_has_its_defaults(store: Store) -> None:
    row = run(store, lambda c: get_instance(c, add(c)))
    assert (row.host, row.attempt, row.deleted, row.launched_at, row.flavor) == ("", 0, False, None, {})


def test_numbers_are_not_used_twice(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        first = get_instance(connection, add(connection))
        assert first is not None
        connection.execute(instances.delete())
        second = get_instance(connection, add(connection))
        assert second is not None
        assert second.number > first.number

    run(store, test)


def test_a_change_wants_what_it_expects(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        uuid = add(connection, host="h0", attempt=1)
        assert not change_instance(connection, uuid, {"task_state": "x"}, instances.c.host == "h1", now=5.0)
        assert change_instance(connection, uuid, {"task_state": "y"}, instances.c.attempt == 1, now=6.0)
        row = get_instance(connection, uuid)
        assert row is not None
        assert (row.task_state, row.updated_at, row.progress_at) == ("y", 6.0, 6.0)
        assert change_instance(connection, uuid, {"progress_at": 2.0}, now=7.0)
        assert not change_instance(connection, str(uuid4()), {"host": "h"}, now=7.0)

    run(store, test)


def test_deleted_instances_are_hidden_and_fixed(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        uuid = add(connection, deleted=True)
        assert get_instance(connection, uuid) is None
        assert get_instance(connection, uuid, deleted=True) is not None
        assert not change_instance(connection, uuid, {"host": "h"}, now=1.0)

    run(store, test)


def test_finding_keeps_order_and_limits(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        uuids = [add(connection, host="h0" if number % 2 else "h1") for number in range(6)]
        assert [row.uuid for row in find_instances(connection)] == uuids
        assert [row.uuid for row in find_instances(connection, newest_first=True, limit=2)] == [uuids[5], uuids[4]]
        assert [row.uuid for row in find_instances(connection, instances.c.host == "h0")] == uuids[1::2]

    run(store, test)


def test_a_locked_instance_waits_for_nobody_in_its_own_transaction(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        uuid = add(connection)
        assert get_instance(connection, uuid, lock=True) == get_instance(connection, uuid)

    run(store, test)


def test_changes_by_two_writers_come_one_after_the_other(store: Store) -> None:
    """Each adds one to what it read; without the lock some of it would be lost."""

    def increment(uuid: str) -> Any:
        def work(connection: sa.Connection) -> None:
            row = get_instance(connection, uuid, lock=True)
            assert row is not None
            threading.Event().wait(0.001)
            change_instance(connection, uuid, {"attempt": row.attempt + 1}, now=1.0)

        return work

    async def test() -> None:
        other = Store(store.url, durable=False)
        try:
            uuid = await store.write(add)
            await asyncio.gather(*(one.write(increment(uuid)) for one in (store, other) * 20))
            row = await store.read(lambda c: get_instance(c, uuid))
            assert row is not None
            assert row.attempt == 40
        finally:
            other.close()

    asyncio.run(test())


def test_devices_are_kept_in_order(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        one, two = add(connection), add(connection)
        names = [str(uuid4()) for _ in range(4)]
        rows = [
            {"uuid": name, "instance_uuid": owner, "position": position}
            for name, owner, position in zip(names, (one, one, two, one), (2, 0, 0, 1), strict=True)
        ]
        add_devices(connection, rows)
        assert [device.uuid for device in devices_of(connection, one)] == [names[1], names[3], names[0]]
        found = devices_of_many(connection, [one, two, str(uuid4())])
        assert {owner: len(devices) for owner, devices in found.items()} == {one: 3, two: 1}
        assert change_device(connection, names[2], {"volume_id": "v"})
        assert not change_device(connection, str(uuid4()), {"volume_id": "v"})
        assert devices_of(connection, two)[0].volume_id == "v"
        remove_device(connection, names[2])
        remove_device(connection, names[2])
        assert devices_of(connection, two) == []
        assert devices_of_many(connection, []) == {}

    run(store, test)


def test_an_instance_has_one_uuid(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        add(connection, uuid="00000000-0000-0000-0000-000000000001")

    run(store, test)
    with pytest.raises(sa.exc.IntegrityError):
        run(store, test)
