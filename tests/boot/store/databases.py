"""The databases that the store's tests run on: SQLite always, PostgreSQL where one is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from engine.boot.store.instances import add_instances
from engine.boot.store.schema import METADATA
from engine.boot.store.store import Store

POSTGRES = os.environ.get("TEST_DATABASE_URL", "")
KINDS = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.skipif(not POSTGRES, reason="TEST_DATABASE_URL names no PostgreSQL")),
]


@contextmanager
def opened(kind: str, folder: Path, **options: Any) -> Iterator[Store]:
    """An empty store, closed at the end."""
    url = POSTGRES if kind == "postgresql" else f"sqlite:///{folder / 'boot.db'}"
    if kind == "postgresql":
        METADATA.drop_all(engine := sa.create_engine(url))
        engine.dispose()
    store = Store(url, **({"durable": False, "patience_s": 5.0} | options))
    try:
        yield store
    finally:
        store.close()


def add(connection: sa.Connection, **values: Any) -> str:
    """Insert an instance and return its uuid."""
    uuid = str(uuid4())
    times = {"created_at": 1.0, "updated_at": 1.0, "progress_at": 1.0}
    add_instances(connection, [{"uuid": uuid, "vm_state": "building", **times, **values}])
    return uuid
