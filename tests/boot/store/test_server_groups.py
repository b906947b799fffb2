"""Server groups in the database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from engine.boot.store.server_groups import (
    ServerGroupRow,
    add_server_group,
    count_server_groups,
    get_server_group,
    list_server_groups,
    members_of,
    remove_server_group,
)
from engine.boot.store.store import Store

GROUP = ServerGroupRow("g1", "web", "anti-affinity", 2, "p1", "u1", 1.0)


def test_groups_are_listed_by_project_oldest_first(tmp_path: Path) -> None:
    def work(connection: sa.Connection) -> None:
        for group in (replace(GROUP, uuid="g3", created_at=3.0), GROUP, replace(GROUP, uuid="g2", project_id="p2")):
            add_server_group(connection, group)
        assert [group.uuid for group in list_server_groups(connection, "p1")] == ["g1", "g3"]
        assert len(list_server_groups(connection)) == 3
        assert (count_server_groups(connection, "p1"), count_server_groups(connection, "p9")) == (2, 0)
        assert get_server_group(connection, "g1") == GROUP
        assert members_of(connection, ["g1", "g2"]) == {}
        assert remove_server_group(connection, "g1")
        assert not remove_server_group(connection, "g1")
        assert get_server_group(connection, "g1") is None

    store = Store(f"sqlite:///{tmp_path / 'boot.db'}", durable=False)
    try:
        asyncio.run(store.write(work))
    finally:
        store.close()
