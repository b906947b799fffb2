"""Messages in the database: cast with a transaction, waiting, postponed, withdrawn, dropped."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from engine.boot.messages import Delete, decode
from engine.boot.store.outbox import (
    acknowledge,
    cast,
    drop,
    postpone,
    topics_of_numbers,
    waiting,
    waiting_for,
    withdraw,
)
from engine.boot.store.schema import dropped_casts
from engine.boot.store.store import Store


def run(store: Store, work: Any) -> Any:
    return asyncio.run(store.write(work))


def message(uuid: str = "") -> Delete:
    return Delete(instance_uuid=uuid or str(uuid4()), request_id="req")


def test_messages_wait_in_order(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        sent = [message() for _ in range(5)]
        numbers = [cast(connection, f"compute.h{n % 2}", one, now=1.0) for n, one in enumerate(sent)]
        found = waiting(connection)
        assert [row.number for row in found] == numbers == sorted(numbers)
        assert [decode(row.body) for row in found] == sent
        assert [row.number for row in waiting(connection, topic="compute.h1")] == numbers[1::2]
        assert [row.number for row in waiting(connection, after=numbers[2], limit=1)] == [numbers[3]]

    run(store, test)


def test_a_message_is_there_only_with_its_transaction(store: Store) -> None:
    def failing(connection: sa.Connection) -> None:
        cast(connection, "compute.h0", message(), now=1.0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(store, failing)
    assert run(store, waiting) == []


def test_numbers_are_not_used_twice(store: Store) -> None:
    first = run(store, lambda c: cast(c, "t", message(), now=1.0))
    run(store, lambda c: acknowledge(c, [first]))
    assert run(store, lambda c: cast(c, "t", message(), now=1.0)) > first


def test_acknowledging_twice_is_fine(store: Store) -> None:
    number = run(store, lambda c: cast(c, "t", message(), now=1.0))
    for _ in range(2):
        run(store, lambda c: acknowledge(c, [number, number + 1]))
    run(store, lambda c: acknowledge(c, []))
    assert run(store, waiting) == []


def test_messages_can_be_postponed(store: Store) -> None:
    number = run(store, lambda c: cast(c, "t", message(), now=1.0, not_before=5.0))
    assert run(store, waiting)[0].not_before == 5.0
    run(store, lambda c: postpone(c, number, until=9.0))
    assert run(store, waiting)[0].not_before == 9.0


def test_an_instance_s_messages_are_found_and_withdrawn(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        uuid = str(uuid4())
        for topic, about in (("a", uuid), ("a", uuid), ("b", uuid), ("a", "")):
            cast(connection, topic, message(about), now=1.0)
        assert len(waiting_for(connection, "a", uuid)) == 2
        assert waiting_for(connection, "a", "%") == []
        assert waiting_for(connection, "a", "_" * 36) == []
        assert withdraw(connection, "a", uuid) == 2
        assert withdraw(connection, "a", uuid) == 0
        assert len(waiting(connection)) == 2

    run(store, test)


def test_topics_of_numbers(store: Store) -> None:
    number = run(store, lambda c: cast(c, "t", message(), now=1.0))
    assert run(store, lambda c: topics_of_numbers(c, [number, 10**9])) == {number: "t"}
    assert run(store, lambda c: topics_of_numbers(c, [])) == {}


def test_a_dropped_message_leaves_a_record_without_its_text(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        cast(connection, "t", message(), now=1.0)
        (row,) = waiting(connection)
        drop(connection, row, "it cannot be read", now=2.0)
        assert waiting(connection) == []
        (kept,) = connection.execute(sa.select(dropped_casts)).all()
        assert (kept.cast_number, kept.topic, kept.size) == (row.number, "t", len(row.body))
        assert row.body not in str(kept)

    run(store, test)
