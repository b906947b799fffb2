"""What a batch makes of records that it writes together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.ledger.options import LedgerOptions
from engine.ledger.records import AssignmentsWritten, Claims, Moves, Releases, TokensForgotten
from engine.ledger.row_batch import RowBatch
from engine.ledger.schema import open_for_writing
from tests.ledger.builders import assignments, claims, consumer, moves, releases


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_for_writing(tmp_path, LedgerOptions())
    yield connection
    connection.close()


def write(connection: sqlite3.Connection, *records: Claims | Releases | Moves) -> list[tuple[bytes, int, int]]:
    batch = RowBatch(connection)
    for record in records:
        batch.add_columns(record, 0, len(record.consumers) // 16)
    batch.flush()
    return connection.execute("SELECT consumer, host, released_us FROM allocations ORDER BY position").fetchall()


def test_the_first_of_two_releases_counts(connection: sqlite3.Connection) -> None:
    assert write(connection, claims([1]), releases([1, 1], 5), releases([1], 9)) == [(consumer(1), 7, 5)]


def test_the_last_of_two_moves_counts(connection: sqlite3.Connection) -> None:
    assert write(connection, claims([1]), moves([1, 1], 2), moves([1], 3), moves([1], 4)) == [(consumer(1), 4, 0)]


def test_the_last_of_two_claims_counts_in_its_own_place(connection: sqlite3.Connection) -> None:
    rows = write(connection, claims([1, 2, 1], host=3), claims([3], host=4), claims([2], host=5))
    assert rows == [(consumer(1), 3, 0), (consumer(3), 4, 0), (consumer(2), 5, 0)]


def test_a_released_allocation_neither_moves_nor_is_released_again(connection: sqlite3.Connection) -> None:
    rows = write(connection, claims([1]), releases([1], 5), moves([1], 9), releases([1], 6), claims([2]), moves([1], 8))
    assert rows == [(consumer(1), 7, 5), (consumer(2), 7, 0)]


def assigned(connection: sqlite3.Connection, *records: Claims | Releases | Moves | AssignmentsWritten) -> list[object]:
    batch = RowBatch(connection)
    for record in records:
        if isinstance(record, AssignmentsWritten):
            batch.add(record)
        else:
            batch.add_columns(record, 0, len(record.consumers) // 16)
    batch.flush()
    return [row[0] for row in connection.execute("SELECT assignment FROM allocations ORDER BY position")]


def test_the_last_of_two_assignments_counts(connection: sqlite3.Connection) -> None:
    assert assigned(connection, claims([1, 2]), assignments([1, 1], b"a"), assignments([1], b"")) == [b"", None]


@pytest.mark.parametrize("ending", [claims([1]), releases([1]), moves([1], 3)])
def test_an_assignment_ends_with_its_claim(connection: sqlite3.Connection, ending: Claims | Releases | Moves) -> None:
    assert assigned(connection, claims([1]), assignments([1], b"a"), ending) == [None]
    assert assigned(connection, claims([2]), assignments([2], b"b"))[-1] == b"b"


def test_what_is_released_or_unknown_is_assigned_nothing(connection: sqlite3.Connection) -> None:
    assert assigned(connection, claims([1]), releases([1]), assignments([1, 2], b"a")) == [None]


def test_assignments_that_are_not_one_a_consumer_are_refused() -> None:
    with pytest.raises(ValueError, match="payloads must be one for each of 1 consumers, not 2"):
        AssignmentsWritten(bytes(16), [b"", b""])


def test_forgetting_goes_on_until_nothing_is_left(connection: sqlite3.Connection) -> None:
    write(connection, claims(range(10)), releases(range(7), 5), releases([8], 6))
    batch = RowBatch(connection)
    answers = [batch.forget(6, 3) for _ in range(4)]
    assert answers == [False, False, True, True]
    assert connection.execute("SELECT count(*) FROM allocations").fetchone() == (3,)


def test_a_record_given_to_the_wrong_method_is_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(TypeError, match="TokensForgotten is applied by another method"):
        RowBatch(connection).add(TokensForgotten(1))


def test_updates_find_their_rows_by_consumer(connection: sqlite3.Connection) -> None:
    """A scan of the table for every released consumer would take minutes."""
    plans: list[str] = []

    class Explaining(sqlite3.Connection):
        def execute(self, sql: str, parameters: object = ()) -> sqlite3.Cursor:
            plans.extend(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters))  # type: ignore[arg-type]
            return connection.execute(sql, parameters)  # type: ignore[arg-type]

    write(Explaining(":memory:"), claims([1]), releases([1]), moves([1], 3))
    RowBatch(Explaining(":memory:")).add(assignments([1], b"a"))
    assert sum("USING INDEX sqlite_autoindex_allocations_1 (consumer=?)" in plan for plan in plans) == 3
    # The scan is this test's own look at the table.
    assert plans.count("SCAN allocations") == 1
