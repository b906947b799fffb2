"""Key pairs in the database: a user's own, one of a name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from engine.boot.store.key_pairs import (
    KeyPairRow,
    add_key_pair,
    count_key_pairs,
    get_key_pair,
    list_key_pairs,
    remove_key_pair,
)
from engine.boot.store.store import Store

KEY = KeyPairRow("u1", "b", "ssh", "aa:bb", "ssh-ed25519 AAAA", 1.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'boot.db'}", durable=False)
    yield opened
    opened.close()


def test_users_do_not_share_names(store: Store) -> None:
    def work(connection: sa.Connection) -> None:
        for key in (KEY, replace(KEY, name="a"), replace(KEY, user_id="u2")):
            add_key_pair(connection, key)
        assert [key.name for key in list_key_pairs(connection, "u1")] == ["a", "b"]
        assert (count_key_pairs(connection, "u1"), count_key_pairs(connection, "u3")) == (2, 0)
        assert get_key_pair(connection, "u1", "b") == KEY
        assert get_key_pair(connection, "u2", "a") is None
        assert remove_key_pair(connection, "u1", "b")
        assert not remove_key_pair(connection, "u1", "b")
        assert get_key_pair(connection, "u2", "b") is not None

    asyncio.run(store.write(work))


def test_the_database_itself_refuses_a_second(store: Store) -> None:
    asyncio.run(store.write(lambda connection: add_key_pair(connection, KEY)))

    with pytest.raises(IntegrityError):
        asyncio.run(store.write(lambda connection: add_key_pair(connection, KEY)))
