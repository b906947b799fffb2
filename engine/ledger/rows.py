"""RowWriter: folds the journal into tables: allocations block by block, everything else row by row, in small steps.

A fold takes the journal as it is when it begins. Token answers, documents, shapes and owners become rows first, which
changes nothing, since the journal still says the same of them. Then each block of allocations is brought up to the end
of the fold, and ``progress`` says so, so that nothing is applied to it twice. Last, in one transaction, what was
claimed is added, and the folded part of the journal goes. Whoever reads meanwhile, or after a crash, applies to each
block what of the journal comes after it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.ledger.allocation_rows import ALLOCATION, BLOCK_ROWS, Rows, blocks_of
from engine.ledger.changes import Changes
from engine.ledger.journal import JournalCodec
from engine.ledger.records import AllocationRecord, JournalRecord, KeyedRecord, TokensForgotten, row_count
from engine.ledger.row_batch import RowBatch
from engine.ledger.stored_rows import journal_entries, row_total, stored_block

_MOST_ROWS = 1 << 18
"""Journal rows folded at once: summing them up holds a commit up by some 0.3 us each, and takes 100 bytes each."""
_BLOCK_COST = 8
"""Rows of a block that take as long as one row of another table."""


@dataclass(slots=True)
class _Fold:
    """A fold under way: the journal up to ``through``, what of it becomes rows, and the blocks still to be patched."""

    through: int
    journal_rows: int
    changes: dict[int, Changes]
    """By the sequence a block has been brought to already: what follows."""
    keyed: list[KeyedRecord]
    blocks: list[tuple[int, int]]
    """Their positions and the sequences they have been brought to, the last first."""
    kept: tuple[int, int] | None = None
    """The position and size of the block patched last."""
    held_names: set[bytes] | None = None


class RowWriter:
    """Folds the journal through the writing connection; ``pending`` counts its rows, ``allocations`` those in blocks.

    A block has at most ``block_rows`` of them. Construction reads the whole journal once and raises LedgerCorruptError
    where a record cannot be read.
    """

    def __init__(self, connection: sqlite3.Connection, block_rows: int = BLOCK_ROWS) -> None:
        self._connection = connection
        self._block_rows = block_rows
        self._codec = JournalCodec()
        self._fold: _Fold | None = None
        self.pending = sum(row_count(record) for _, records in self._entries() for record in records)
        self.allocations = row_total(connection)

    @property
    def is_folding(self) -> bool:
        """True from the first step of a fold to its last."""
        return self._fold is not None

    def write(self, budget: int) -> int:
        """Take steps of a fold worth about ``budget`` rows, and return how many journal rows have gone with them.

        Nothing of these steps is kept when an error is raised.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            is_finished = self._advance(budget)
            allocations = row_total(self._connection) if is_finished else self.allocations
            self._connection.execute("COMMIT")
        except BaseException:
            self._fold = None
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        fold = self._fold
        if fold is None or not is_finished:
            return 0
        self._fold = None
        self.allocations = allocations
        self.pending -= fold.journal_rows
        return fold.journal_rows

    def _entries(self) -> Iterator[tuple[int, list[JournalRecord]]]:
        return journal_entries(self._connection, self._codec)

    def _advance(self, budget: int) -> bool:
        """Take steps; return whether the last has been taken."""
        fold = self._fold = self._fold or self._begin()
        if fold is None:
            return False
        spent = self._write_keyed(fold, budget) if fold.keyed else 0
        while spent < budget and fold.blocks:
            spent += max(1, self._patch_block(fold) // _BLOCK_COST)
        if fold.keyed or fold.blocks or spent >= budget:
            return False
        self._finish(fold)
        return True

    def _begin(self) -> _Fold | None:
        """Return a fold of the journal, None where it is empty."""
        blocks = self._connection.execute(
            "SELECT position, coalesce(through, 0) FROM allocation_blocks LEFT JOIN progress USING (position) "
            "ORDER BY position DESC"
        ).fetchall()
        # a fold that was broken off is taken at least as far as it had come
        least = max((through for _, through in blocks), default=0)
        entries: list[tuple[int, list[JournalRecord]]] = []
        rows = 0
        for sequence, records in self._entries():
            entries.append((sequence, records))
            rows += sum(map(row_count, records))
            if rows >= _MOST_ROWS and sequence >= least:
                break
        if not entries:
            return None
        changes = {
            through: Changes(record for sequence, records in entries if sequence > through for record in records)
            for through in {0, *(through for _, through in blocks)}
        }
        keyed = [record for _, records in entries for record in records if not isinstance(record, AllocationRecord)]
        keyed.reverse()
        names = set(changes[0].payloads)
        return _Fold(entries[-1][0], rows, changes, keyed, blocks, None, set() if names else None)

    def _write_keyed(self, fold: _Fold, budget: int) -> int:
        """Write token answers, documents, shapes and owners as rows, about as many as the budget says."""
        batch = RowBatch(self._connection)
        written = 0
        while fold.keyed and written < budget:
            record = fold.keyed[-1]
            if isinstance(record, TokensForgotten):
                if not batch.forget(record.before_us, budget):
                    written = budget
                    break
            else:
                batch.add(record)
            written += row_count(record)
            fold.keyed.pop()
        batch.flush()
        return written

    def _patch_block(self, fold: _Fold) -> int:
        """Bring the next block up to the end of the fold, joined to the one before where both fit; return its rows."""
        position, through = fold.blocks.pop()
        before = stored_block(self._connection, position)
        rows = fold.changes[through].patched(before)
        self._note_held(fold, rows)
        if fold.kept is not None and self._is_joined(fold.kept[1], rows, before):
            kept, _ = fold.kept
            rows = np.concatenate([stored_block(self._connection, kept), rows])
            self._store(kept, rows)
            self._drop(position)
            fold.kept = kept, len(rows)
        elif len(rows):
            if rows is not before:
                self._store(position, rows)
            fold.kept = position, len(rows)
            self._mark(position, fold.through)
        else:
            self._drop(position)
        return len(before)

    def _is_joined(self, size: int, rows: Rows, before: Rows) -> bool:
        """Whether a block joins that of ``size`` rows before it: both fit, and little is copied that could stay."""
        return size + len(rows) <= self._block_rows and (rows is not before or 2 * len(rows) >= size)

    def _finish(self, fold: _Fold) -> None:
        """Add what was claimed, and let the folded journal go."""
        changes = fold.changes[0]
        rows = changes.added()
        self._note_held(fold, rows)
        self._write_assignments(fold, changes)
        # what was added last joins what is added now as long as it is not much more: so blocks fill up, and an
        # allocation is copied a few times until they have
        while fold.kept is not None and len(rows) and fold.kept[1] < min(2 * len(rows), self._block_rows):
            position, _ = fold.kept
            rows = np.concatenate([stored_block(self._connection, position), rows])
            self._drop(position)
            fold.kept = self._last_block()
        for block in blocks_of(rows, self._block_rows):
            self._connection.execute("INSERT INTO allocation_blocks (payload) VALUES (?)", (block.tobytes(),))
        self._connection.execute("DELETE FROM progress")
        self._connection.execute("DELETE FROM journal WHERE sequence <= ?", (fold.through,))

    def _last_block(self) -> tuple[int, int] | None:
        """Return the position and size of the last block."""
        found = self._connection.execute(
            "SELECT position, length(payload) FROM allocation_blocks ORDER BY position DESC LIMIT 1"
        ).fetchone()
        return None if found is None else (found[0], found[1] // ALLOCATION.itemsize)

    def _note_held(self, fold: _Fold, rows: Rows) -> None:
        """Note which of the consumers that were assigned something hold an allocation."""
        if fold.held_names is not None:
            held = rows["consumer"][rows["released_us"] == 0].tolist()
            fold.held_names |= fold.changes[0].payloads.keys() & set(held)

    def _write_assignments(self, fold: _Fold, changes: Changes) -> None:
        (any_kept,) = self._connection.execute("SELECT EXISTS (SELECT 1 FROM assignments)").fetchone()
        batch = RowBatch(self._connection)
        if any_kept:
            batch.delete_assignments(changes.ended())
        if fold.held_names:
            payloads = changes.payloads
            batch.write_assignments({name: payloads[name] for name in fold.held_names})

    def _store(self, position: int, rows: Rows) -> None:
        self._connection.execute(
            "UPDATE allocation_blocks SET payload = ? WHERE position = ?", (rows.tobytes(), position)
        )

    def _mark(self, position: int, through: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (position, through))

    def _drop(self, position: int) -> None:
        self._connection.execute("DELETE FROM allocation_blocks WHERE position = ?", (position,))
        self._connection.execute("DELETE FROM progress WHERE position = ?", (position,))
