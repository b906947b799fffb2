"""Folding the journal into blocks: what is copied, and when."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.ledger.allocation_rows import ALLOCATION
from engine.ledger.journal import JournalCodec, frame
from engine.ledger.options import LedgerOptions
from engine.ledger.reader import read_state
from engine.ledger.records import JournalRecord, TokenAnswered, TokensForgotten, row_count
from engine.ledger.rows import RowWriter
from engine.ledger.schema import open_for_writing
from engine.ledger.store import Ledger
from tests.ledger.builders import AT_REST, Notes, claims, moves, numbers_in, plain, releases

BLOCK = 100


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_for_writing(tmp_path, LedgerOptions())
    yield connection
    connection.close()


def journal(connection: sqlite3.Connection, rows: RowWriter, *records: JournalRecord) -> None:
    payload = frame(len(records), b"".join(map(JournalCodec().encode, records)))
    connection.execute("INSERT INTO journal (payload) VALUES (?)", (payload,))
    rows.pending += sum(map(row_count, records))


def fold(connection: sqlite3.Connection, rows: RowWriter, *records: JournalRecord) -> None:
    """Add records to the journal and fold it."""
    journal(connection, rows, *records)
    while rows.pending:
        rows.write(1_000_000)


def blocks(connection: sqlite3.Connection) -> dict[int, int]:
    """The rows of each block, by its position."""
    found = connection.execute("SELECT position, length(payload) FROM allocation_blocks ORDER BY position")
    return {position: size // ALLOCATION.itemsize for position, size in found}


def test_what_no_record_concerns_is_not_written_again(connection: sqlite3.Connection) -> None:
    rows = RowWriter(connection, BLOCK)
    fold(connection, rows, claims(range(350)))
    assert list(blocks(connection).values()) == [100, 100, 100, 50]
    connection.execute(
        "CREATE TRIGGER kept BEFORE UPDATE ON allocation_blocks WHEN old.position != 2 "
        "BEGIN SELECT raise(ABORT, 'this block was not to be written'); END"
    )
    fold(connection, rows, releases([150], 5), moves([160], 3), claims(range(1_000, 1_100)))
    assert list(blocks(connection).values()) == [100, 100, 100, 100, 50]
    assert rows.allocations == 450


def test_a_trickle_copies_each_allocation_a_few_times_and_leaves_few_blocks(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    written = 0
    rows = RowWriter(connection, BLOCK)
    for number in range(400):
        before = blocks(connection)
        fold(connection, rows, claims([number]))
        written += sum(size for position, size in blocks(connection).items() if before.get(position) != size)
    assert len(blocks(connection)) <= 4 + 7
    assert written <= 400 * 10
    assert numbers_in(read_state(tmp_path)) == list(range(400))


def test_blocks_that_shrink_are_joined_and_empty_ones_dropped(connection: sqlite3.Connection, tmp_path: Path) -> None:
    rows = RowWriter(connection, BLOCK)
    fold(connection, rows, claims(range(1_000)))
    kept = [number for number in range(500, 1_000) if number % 4 == 0]
    gone = [number for number in range(1_000) if number not in kept]
    fold(connection, rows, releases(gone, 5), TokensForgotten(6))
    assert numbers_in(read_state(tmp_path)) == kept
    assert list(blocks(connection).values()) == [100, 25]
    assert rows.allocations == len(kept)


def test_a_fold_takes_small_steps_and_leaves_what_comes_meanwhile(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    rows = RowWriter(connection, BLOCK)
    fold(connection, rows, claims(range(1_000)))
    tokens = [TokenAnswered(str(number), b"", b"", 1) for number in range(20)]
    journal(connection, rows, releases(range(1_000), 5), *tokens)
    steps = 0
    assert rows.write(24) == 0
    journal(connection, rows, claims([2_000]), releases([2_000], 9))
    while rows.is_folding:
        rows.write(24)
        steps += 1
    assert steps >= 5
    assert rows.pending == 2
    state = read_state(tmp_path)
    assert set(state.released_us.tolist()) == {5, 9}
    assert len(state.tokens) == 20


def test_nothing_is_applied_twice_to_a_block(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """What is released after a TokensForgotten, by an earlier clock, would be forgotten the second time."""
    rows = RowWriter(connection, BLOCK)
    fold(connection, rows, claims(range(400)))
    journal(connection, rows, TokensForgotten(10), releases(range(0, 400, 3), 5))
    expected = plain(read_state(tmp_path))
    assert len(expected["allocations"]) == 400
    while rows.pending:
        rows.write(13)
        assert plain(read_state(tmp_path)) == expected
        again = RowWriter(connection, BLOCK)
        assert again.pending == rows.pending
    assert list(blocks(connection).values()) == [100, 100, 100, 100]


def test_an_error_in_a_fold_leaves_it_to_be_begun_anew(connection: sqlite3.Connection, tmp_path: Path) -> None:
    rows = RowWriter(connection, BLOCK)
    fold(connection, rows, claims(range(1_000)))
    journal(connection, rows, releases(range(0, 1_000, 7), 5), claims(range(500, 520), host=1))
    expected = plain(read_state(tmp_path))
    connection.execute(
        "CREATE TRIGGER broken BEFORE UPDATE ON allocation_blocks WHEN old.position = 6 "
        "BEGIN SELECT raise(ABORT, 'no room'); END"
    )
    rows.write(24)
    with pytest.raises(sqlite3.IntegrityError, match="no room"):
        while True:
            rows.write(24)
    assert not rows.is_folding
    assert plain(read_state(tmp_path)) == expected
    connection.execute("DROP TRIGGER broken")
    while rows.pending:
        rows.write(24)
    assert plain(read_state(tmp_path)) == expected


def test_a_resting_ledger_folds_what_is_worth_it(tmp_path: Path) -> None:
    """A single claim beside many allocations stays in the journal; a share of them does not."""
    options = LedgerOptions(idle_s=0.0, idle_share=10)
    with Ledger.open(tmp_path, AT_REST, Notes()) as ledger:
        ledger.submit([claims(range(40_000))], 1)
        ledger.flush()
    with Ledger.open(tmp_path, options, Notes()) as ledger:
        backlogs = []
        for number, many in enumerate([0, 1, 2_400]):
            first = 100_000 * (number + 1)
            ledger.submit([claims(range(first, first + many))] if many else [], number)
            ledger.flush()
            end = time.monotonic() + 2.0
            while ledger.statistics().backlog_rows not in (0, 1) and time.monotonic() < end:
                time.sleep(0.005)
            time.sleep(0.05)
            backlogs.append(ledger.statistics().backlog_rows)
        assert backlogs == [0, 1, 0]
        assert len(ledger.load().hosts) == 42_401
