"""Projects' own quotas over the defaults."""

from __future__ import annotations

import asyncio
from pathlib import Path

import sqlalchemy as sa

from engine.boot.options import QuotaOptions
from engine.boot.store.quotas import limits_of, own_limits, remove_limits, set_limits
from engine.boot.store.store import Store


def test_own_limits_beat_the_defaults_until_removed(tmp_path: Path) -> None:
    defaults = QuotaOptions(cores=7)

    def work(connection: sa.Connection) -> None:
        assert limits_of(connection, "p", defaults)["cores"] == 7
        set_limits(connection, "p", {"cores": 1, "ram": -1})
        set_limits(connection, "p", {"cores": 2})
        set_limits(connection, "p", {})
        set_limits(connection, "q", {"cores": 3})
        assert own_limits(connection, "p") == {"cores": 2, "ram": -1}
        assert limits_of(connection, "p", defaults) == defaults.model_dump() | {"cores": 2, "ram": -1}
        remove_limits(connection, "p", ["ram"])
        assert own_limits(connection, "p") == {"cores": 2}
        remove_limits(connection, "p")
        assert own_limits(connection, "p") == {}
        assert own_limits(connection, "q") == {"cores": 3}

    store = Store(f"sqlite:///{tmp_path / 'boot.db'}", durable=False)
    try:
        asyncio.run(store.write(work))
    finally:
        store.close()
