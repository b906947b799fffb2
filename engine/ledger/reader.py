"""LedgerReader: one moment of the ledger, read through a connection of its own while the service goes on writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import LedgerCorruptError
from engine.ledger.journal import JournalCodec, frame
from engine.ledger.overlay import ALLOCATION, AllocationOverlay
from engine.ledger.records import (
    CONSUMER_BYTES,
    DocumentsDeleted,
    DocumentsWritten,
    HostSegment,
    JournalRecord,
    Owner,
    OwnersAdded,
    Shape,
    ShapesAdded,
    TokenAnswered,
    TokensForgotten,
    without_rows,
)
from engine.ledger.schema import ASSIGNMENTS_SINCE, DATABASE_NAME, failure_to_open, open_for_reading
from engine.ledger.segments import decode_segment
from engine.ledger.state import LedgerState

_Decoded = TypeVar("_Decoded")

_ROWS_AT_ONCE = 8_192
_RECORDS_AT_ONCE = 512

# One result row for thousands of table rows, for the reason given in ``bulk``: 300 000 allocations take 0.3 s, 0.9 s
# beside a busy loop.
_ALLOCATIONS = """
SELECT group_concat(printf('%016x', position) || hex(consumer) || printf('%08x%08x%08x%016x%016x', host & 0xffffffff,
  shape & 0xffffffff, owner, created_us, released_us), ''), max(position)
FROM (SELECT * FROM allocations WHERE position > ? ORDER BY position LIMIT ?)"""
_ASSIGNMENTS = "SELECT consumer, assignment FROM allocations WHERE assignment IS NOT NULL"
_RECORDS = """
SELECT group_concat(hex(record), ''), max(place), count(*), group_concat(place)
FROM (SELECT rowid AS place, record FROM %s WHERE rowid > ? ORDER BY rowid LIMIT ?)"""
_JOURNAL = """
SELECT journal.sequence, payload, coalesce(progress.record, 0), coalesce(progress.done, 0)
FROM journal LEFT JOIN progress USING (sequence) ORDER BY journal.sequence"""


class LedgerReader:
    """A pinned moment of the ledger in ``state_dir``; usable from any one thread at a time, until ``close``.

    While it is open the write-ahead log cannot be started afresh, so close it soon. Raises LedgerError or
    LedgerCorruptError when the ledger cannot be opened.
    """

    def __init__(self, state_dir: Path, busy_timeout_s: float) -> None:
        self._path = state_dir / DATABASE_NAME
        self._connection = open_for_reading(state_dir, busy_timeout_s)
        try:
            self._connection.execute("BEGIN")
            # A transaction sees the moment of its first read.
            self._connection.execute("SELECT count(*) FROM meta").fetchone()
        except sqlite3.Error as error:
            self._connection.close()
            raise failure_to_open(self._path, error) from error

    def state(self) -> LedgerState:
        """Return the ledger's content at the pinned moment; raises LedgerCorruptError when it is not sound."""
        try:
            return self._state()
        except sqlite3.Error as error:
            raise failure_to_open(self._path, error) from error

    def close(self) -> None:
        """Let the moment go."""
        self._connection.close()

    def __enter__(self) -> LedgerReader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _state(self) -> LedgerState:
        journal = list(self._journal())
        overlay = AllocationOverlay(self._allocations(), self._assignments(), journal)
        allocations = overlay.columns()
        shapes = self._coded("shapes", Shape)
        owners = {0: Owner()} | self._coded("owners", Owner)
        tokens = {token.token: token for _, token in self._records("tokens", TokenAnswered)}
        documents = self._documents()
        for record in journal:
            match record:
                case ShapesAdded():
                    shapes.update(enumerate(record.shapes, record.first))
                case OwnersAdded():
                    owners.update(enumerate(record.owners, record.first))
                case TokenAnswered():
                    tokens[record.token] = record
                case TokensForgotten():
                    tokens = {
                        token: answer for token, answer in tokens.items() if answer.created_us >= record.before_us
                    }
                case DocumentsWritten():
                    documents.setdefault(record.kind, {}).update(record.documents)
                case DocumentsDeleted():
                    for key in record.keys:
                        documents.get(record.kind, {}).pop(key, None)
                case _:
                    pass
        return LedgerState(
            consumers=np.frombuffer(allocations["consumer"].tobytes(), np.uint8).reshape(-1, CONSUMER_BYTES),
            hosts=allocations["host"].astype(np.int32),
            shapes=allocations["shape"].astype(np.int32),
            owners=allocations["owner"].astype(np.int32),
            created_us=allocations["created_us"].astype(np.int64),
            released_us=allocations["released_us"].astype(np.int64),
            shape_table=shapes,
            owner_table=owners,
            host_segments=self._segments(),
            documents={kind: entries for kind, entries in documents.items() if entries},
            tokens=tokens,
            assignments=overlay.assignments,
        )

    def _journal(self) -> Iterator[JournalRecord]:
        """Yield the records that are not rows yet, the first of them without the rows already written."""
        codec = JournalCodec()
        for sequence, payload, record, done in self._connection.execute(_JOURNAL):
            records = codec.decode(sequence, payload)[record:]
            if done and records:
                records[0] = without_rows(records[0], done)
            yield from records

    def _allocations(self) -> npt.NDArray[np.void]:
        chunks = [np.empty(0, ALLOCATION)]
        last = -1
        while True:
            text, last = self._connection.execute(_ALLOCATIONS, (last, _ROWS_AT_ONCE)).fetchone()
            if text is None:
                break
            packed = bytes.fromhex(text)
            if len(packed) % ALLOCATION.itemsize:
                raise LedgerCorruptError(f"{self._path} has an allocation of the wrong size: restore it from a copy")
            chunks.append(np.frombuffer(packed, ALLOCATION))
        rows = np.concatenate(chunks)
        return rows[np.argsort(rows["position"], kind="stable")]

    def _assignments(self) -> dict[bytes, bytes]:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version < ASSIGNMENTS_SINCE:
            return {}
        return dict(self._connection.execute(_ASSIGNMENTS).fetchall())

    def _records(self, table: str, kind: type[_Decoded]) -> Iterator[tuple[int, _Decoded]]:
        """Yield the rowid and the decoded record of every row of the table."""
        decoder = msgspec.msgpack.Decoder(list[kind])  # type: ignore[valid-type]
        last = -1
        while True:
            text, last, count, places = self._connection.execute(_RECORDS % table, (last, _RECORDS_AT_ONCE)).fetchone()
            if text is None:
                return
            try:
                decoded = decoder.decode(frame(count, bytes.fromhex(text)))
            except msgspec.MsgspecError as error:
                raise LedgerCorruptError(
                    f"{self._path} has {table} that cannot be read: restore it from a copy"
                ) from error
            yield from zip(map(int, places.split(",")), decoded, strict=True)

    def _coded(self, table: str, kind: type[_Decoded]) -> dict[int, _Decoded]:
        return dict(self._records(table, kind))

    def _documents(self) -> dict[str, dict[str, bytes]]:
        documents: dict[str, dict[str, bytes]] = {}
        for kind, key, payload in self._connection.execute(
            "SELECT kind, key, payload FROM documents ORDER BY kind, key"
        ):
            documents.setdefault(kind, {})[key] = payload
        return documents

    def _segments(self) -> list[HostSegment]:
        rows = self._connection.execute("SELECT kind, payload FROM host_segments ORDER BY position")
        return [decode_segment(kind, payload) for kind, payload in rows]


def read_state(state_dir: Path, busy_timeout_s: float = 5.0) -> LedgerState:
    """Return the content of the ledger in ``state_dir`` without taking its lock, whether a service runs or not.

    Raises LedgerError when there is no ledger or it cannot be opened, LedgerCorruptError when it is not sound.
    """
    with LedgerReader(state_dir, busy_timeout_s) as reader:
        return reader.state()
