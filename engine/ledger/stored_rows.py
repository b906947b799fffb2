"""What the tables hold, read back: journal entries and blocks of allocations, also as earlier versions kept them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np

from engine.errors import LedgerCorruptError
from engine.ledger.allocation_rows import ALLOCATION, NO_ROWS, Rows
from engine.ledger.journal import JournalCodec
from engine.ledger.records import JournalRecord, without_rows

BLOCKS_SINCE = 3
"""The version from which on allocations are in blocks and ``progress`` is about these."""
ASSIGNMENTS_SINCE = 2
"""The version from which on allocations have assignments."""

_ROWS_AT_ONCE = 8_192
# One result row for thousands of table rows, for the reason given in ``bulk``.
_TABLE_ROWS = """
SELECT group_concat(printf('%016x', position) || hex(consumer) || printf('%08x%08x%08x%016x%016x', host & 0xffffffff,
  shape & 0xffffffff, owner, created_us, released_us), ''), max(position)
FROM (SELECT * FROM allocations WHERE position > ? ORDER BY position LIMIT ?)"""
_TABLE_ROW = np.dtype(
    [
        ("position", ">i8"),
        ("consumer", "V16"),
        ("host", ">i4"),
        ("shape", ">i4"),
        ("owner", ">i4"),
        ("created_us", ">i8"),
        ("released_us", ">i8"),
    ]
)
"""An allocation of an earlier version; big-endian because SQL writes numbers as hex text."""


def journal_entries(connection: sqlite3.Connection, codec: JournalCodec) -> Iterator[tuple[int, list[JournalRecord]]]:
    """Yield the journal's rows with their sequences; raise LedgerCorruptError for one that cannot be read."""
    for sequence, payload in connection.execute("SELECT sequence, payload FROM journal ORDER BY sequence"):
        yield sequence, codec.decode(sequence, payload)


def table_journal_entries(
    connection: sqlite3.Connection, codec: JournalCodec
) -> Iterator[tuple[int, list[JournalRecord]]]:
    """Yield an earlier version's journal, without what of its first row had been written to the tables."""
    done = {sequence: (record, rows) for sequence, record, rows in connection.execute("SELECT * FROM progress")}
    for sequence, records in journal_entries(connection, codec):
        record, rows = done.get(sequence, (0, 0))
        left = records[record:]
        if rows and left:
            left[0] = without_rows(left[0], rows)
        yield sequence, left


def stored_block(connection: sqlite3.Connection, position: int) -> Rows:
    """Return a block of allocations; raise LedgerCorruptError where it is none."""
    (payload,) = connection.execute("SELECT payload FROM allocation_blocks WHERE position = ?", (position,)).fetchone()
    return block_rows(payload)


def block_rows(payload: bytes) -> Rows:
    """Return the allocations of a block's bytes; raise LedgerCorruptError where they are none."""
    if not isinstance(payload, bytes) or len(payload) % ALLOCATION.itemsize:
        raise LedgerCorruptError("the ledger has an allocation of the wrong size: restore it from a copy")
    return np.frombuffer(payload, ALLOCATION)


def row_total(connection: sqlite3.Connection) -> int:
    """Return how many allocations the blocks hold."""
    (size,) = connection.execute("SELECT coalesce(sum(length(payload)), 0) FROM allocation_blocks").fetchone()
    return int(size) // ALLOCATION.itemsize


def table_rows(connection: sqlite3.Connection) -> Rows:
    """Return the allocations of an earlier version's table, in claim order; raise LedgerCorruptError."""
    chunks = [NO_ROWS]
    last = -1
    while True:
        text, last = connection.execute(_TABLE_ROWS, (last, _ROWS_AT_ONCE)).fetchone()
        if text is None:
            return np.concatenate(chunks)
        packed = bytes.fromhex(text)
        if len(packed) % _TABLE_ROW.itemsize:
            raise LedgerCorruptError("the ledger has an allocation of the wrong size: restore it from a copy")
        found = np.frombuffer(packed, _TABLE_ROW)
        found = found[np.argsort(found["position"], kind="stable")]
        chunk = np.empty(len(found), ALLOCATION)
        for name in ALLOCATION.names or ():
            chunk[name] = found[name]
        chunks.append(chunk)
