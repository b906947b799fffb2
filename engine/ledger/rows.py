"""RowWriter: turns journal records into rows, a slice and its journal deletions in one transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from engine.ledger.journal import JournalCodec
from engine.ledger.records import Claims, JournalRecord, Moves, Releases, TokensForgotten, row_count
from engine.ledger.row_batch import RowBatch

_NEXT = """
SELECT journal.sequence, payload, coalesce(progress.record, 0), coalesce(progress.done, 0)
FROM journal LEFT JOIN progress USING (sequence) WHERE journal.sequence > ? ORDER BY journal.sequence LIMIT 1
"""


@dataclass(slots=True)
class _Entry:
    """One journal row being written, done up to the first ``done`` rows of its record number ``record``."""

    sequence: int
    records: list[JournalRecord]
    record: int
    done: int

    @property
    def finished(self) -> bool:
        return self.record == len(self.records)


class RowWriter:
    """Writes journal records as rows through the writing connection; ``pending`` counts those not yet written.

    Construction reads the whole journal once and raises LedgerCorruptError where a record cannot be read.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._codec = JournalCodec()
        self._entry: _Entry | None = None
        self.pending = self._count_pending()

    def write(self, budget: int) -> int:
        """Write about ``budget`` rows and return how many; nothing of the slice is kept when an error is raised."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            written = self._write_slice(budget)
            self._connection.execute("COMMIT")
        except BaseException:
            self._entry = None
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self.pending -= written
        return written

    def _count_pending(self) -> int:
        pending = 0
        entry = self._read(after=0)
        while entry is not None:
            pending += sum(row_count(record) for record in entry.records[entry.record :]) - entry.done
            entry = self._read(after=entry.sequence)
        return pending

    def _read(self, after: int) -> _Entry | None:
        row = self._connection.execute(_NEXT, (after,)).fetchone()
        if row is None:
            return None
        sequence, payload, record, done = row
        return _Entry(sequence, self._codec.decode(sequence, payload), record, done)

    def _write_slice(self, budget: int) -> int:
        batch = RowBatch(self._connection)
        written = 0
        finished = 0
        entry = self._entry or self._read(after=0)
        while entry is not None and written < budget:
            written += self._advance(entry, batch, budget - written)
            if not entry.finished:
                break
            finished = entry.sequence
            entry = self._read(after=finished)
        batch.flush()
        if finished:
            self._connection.execute("DELETE FROM journal WHERE sequence <= ?", (finished,))
        self._connection.execute("DELETE FROM progress")
        if entry is not None and (entry.record or entry.done):
            place = (entry.sequence, entry.record, entry.done)
            self._connection.execute("INSERT INTO progress VALUES (?, ?, ?)", place)
        self._entry = entry
        return written

    def _advance(self, entry: _Entry, batch: RowBatch, budget: int) -> int:
        """Add the entry's records to the batch until its end or ``budget`` rows; return the rows added."""
        added = 0
        while not entry.finished and added < budget:
            record = entry.records[entry.record]
            rows = row_count(record)
            if isinstance(record, Claims | Releases | Moves):
                end = min(rows, entry.done + budget - added)
                batch.add_columns(record, entry.done, end)
                added += end - entry.done
                entry.done = end
                if end < rows:
                    break
            elif isinstance(record, TokensForgotten):
                if not batch.forget(record.before_us, budget):
                    break
                added += rows
            else:
                batch.add(record)
                added += rows
            entry.record += 1
            entry.done = 0
        return added
