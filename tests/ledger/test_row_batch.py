"""What a batch makes of records that it writes together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.ledger.options import LedgerOptions
from engine.ledger.records import TokenAnswered, TokensForgotten
from engine.ledger.row_batch import RowBatch
from engine.ledger.schema import open_for_writing
from tests.ledger.builders import claims, consumer


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_for_writing(tmp_path, LedgerOptions())
    yield connection
    connection.close()


def test_forgetting_goes_on_until_nothing_is_left(connection: sqlite3.Connection) -> None:
    batch = RowBatch(connection)
    for number in range(10):
        batch.add(TokenAnswered(str(number), b"", b"", number))
    assert [batch.forget(8, 3) for _ in range(4)] == [False, False, True, True]
    assert [row[0] for row in connection.execute("SELECT token FROM tokens")] == ["8", "9"]


def test_a_token_written_again_is_replaced(connection: sqlite3.Connection) -> None:
    batch = RowBatch(connection)
    for answered_at in (1, 2, 3):
        batch.add(TokenAnswered("again", b"", b"", answered_at))
    batch.flush()
    assert connection.execute("SELECT token, created_us FROM tokens").fetchall() == [("again", 3)]


def test_assignments_are_replaced_and_dropped_by_consumer(connection: sqlite3.Connection) -> None:
    batch = RowBatch(connection)
    batch.write_assignments({consumer(1): b"a", consumer(2): b""})
    batch.write_assignments({consumer(2): b"b"})
    batch.delete_assignments([consumer(1), consumer(3)])
    batch.write_assignments({})
    batch.delete_assignments([])
    assert connection.execute("SELECT consumer, payload FROM assignments").fetchall() == [(consumer(2), b"b")]


@pytest.mark.parametrize("record", [TokensForgotten(1), claims([1])], ids=["forgotten", "claims"])
def test_a_record_given_to_the_wrong_method_is_refused(connection: sqlite3.Connection, record: object) -> None:
    with pytest.raises(TypeError, match=f"{type(record).__name__} is applied by another method"):
        RowBatch(connection).add(record)  # type: ignore[arg-type]
