"""What was taken back from the scheduler is remembered once, by kind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import sqlalchemy as sa

from engine.boot.store.retired import Kind, retire, retired_names, unretire
from engine.boot.store.store import Store


def test_things_are_retired_once_and_come_back(tmp_path: Path) -> None:
    def work(connection: sa.Connection) -> list[dict[str, float]]:
        retire(connection, Kind.FLAVOR, "a", now=1.0)
        retire(connection, Kind.FLAVOR, "a", now=2.0)
        retire(connection, Kind.AGGREGATE, "a", now=3.0)
        before = retired_names(connection, Kind.FLAVOR)
        unretire(connection, Kind.FLAVOR, ["a", "never"])
        return [before, retired_names(connection, Kind.FLAVOR), retired_names(connection, Kind.AGGREGATE)]

    store = Store(f"sqlite:///{tmp_path / 'boot.db'}", durable=False)
    try:
        assert asyncio.run(store.write(work)) == [{"a": 2.0}, {}, {"a": 3.0}]
    finally:
        store.close()
