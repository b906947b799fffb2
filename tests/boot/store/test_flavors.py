"""Flavors in the database, beyond what the API's tests see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from engine.boot.store.flavors import (
    FlavorRow,
    add_flavor,
    change_flavor,
    flavor_named,
    get_flavor,
    list_flavors,
    remove_flavor,
)
from engine.boot.store.store import Store

TINY = FlavorRow("1", "tiny", 1, 512, 1, 0, 0, 1.0, True, False, "", {"a": "b"}, ["p"], 5.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'boot.db'}", durable=False)
    yield opened
    opened.close()


def test_a_flavor_is_read_as_it_was_written(store: Store) -> None:
    def work(connection: sa.Connection) -> None:
        add_flavor(connection, TINY)
        assert get_flavor(connection, "1") == flavor_named(connection, "tiny") == TINY
        assert get_flavor(connection, "tiny") is flavor_named(connection, "1") is None
        assert change_flavor(connection, "1", {"extra_specs": {}})
        assert not change_flavor(connection, "2", {"extra_specs": {}})
        assert [item.extra_specs for item in list_flavors(connection)] == [{}]
        assert remove_flavor(connection, "1")
        assert not remove_flavor(connection, "1")

    asyncio.run(store.write(work))


@pytest.mark.parametrize("fields", [{"flavor_id": "2"}, {"name": "other"}])
def test_the_database_itself_refuses_a_second_name_or_id(store: Store, fields: dict[str, str]) -> None:
    second = FlavorRow(**{**TINY.__dict__, **fields})
    asyncio.run(store.write(lambda connection: add_flavor(connection, TINY)))

    with pytest.raises(IntegrityError):
        asyncio.run(store.write(lambda connection: add_flavor(connection, second)))
    assert len(asyncio.run(store.read(list_flavors))) == 1
