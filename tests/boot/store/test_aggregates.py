"""Aggregates in the database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from engine.boot.store.aggregates import (
    AggregateRow,
    add_aggregate,
    aggregate_named,
    change_aggregate,
    get_aggregate,
    leave_all,
    list_aggregates,
    remove_aggregate,
)
from engine.boot.store.store import Store


def test_aggregates_are_numbered_and_numbers_are_not_used_again(tmp_path: Path) -> None:
    def work(connection: sa.Connection) -> None:
        first, second = (
            add_aggregate(connection, uuid=str(uuid4()), name=name, metadata={}, now=1.0) for name in ("a", "b")
        )
        assert (first.number, second.number) == (1, 2)
        assert remove_aggregate(connection, 2)
        assert not remove_aggregate(connection, 2)
        third = add_aggregate(connection, uuid=str(uuid4()), name="b", metadata={"availability_zone": "z"}, now=2.0)
        assert third.number == 3
        assert third.zone == "z"
        assert aggregate_named(connection, "b") == get_aggregate(connection, 3) == third
        assert [item.number for item in list_aggregates(connection)] == [1, 3]

    store = Store(f"sqlite:///{tmp_path / 'boot.db'}", durable=False)
    try:
        asyncio.run(store.write(work))
    finally:
        store.close()


def test_a_host_leaves_every_aggregate(tmp_path: Path) -> None:
    def work(connection: sa.Connection) -> list[AggregateRow]:
        for name, hosts in (("a", ["h1", "h2"]), ("b", ["h1"]), ("c", ["h2"])):
            made = add_aggregate(connection, uuid=str(uuid4()), name=name, metadata={}, now=1.0)
            change_aggregate(connection, made.number, {"hosts": hosts})
        leave_all(connection, "h1", now=9.0)
        return list_aggregates(connection)

    store = Store(f"sqlite:///{tmp_path / 'boot.db'}", durable=False)
    try:
        rows = asyncio.run(store.write(work))
    finally:
        store.close()
    assert [(item.hosts, item.updated_at) for item in rows] == [(["h2"], 9.0), ([], 9.0), (["h2"], None)]
