"""LedgerReader: one moment of the ledger, read through a connection of its own while the service goes on writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from engine.errors import LedgerCorruptError
from engine.ledger.allocation_rows import Rows
from engine.ledger.changes import Changes
from engine.ledger.journal import JournalCodec, frame
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
)
from engine.ledger.schema import DATABASE_NAME, failure_to_open, open_for_reading
from engine.ledger.segments import read_segments
from engine.ledger.state import LedgerState
from engine.ledger.stored_rows import (
    ASSIGNMENTS_SINCE,
    BLOCKS_SINCE,
    block_rows,
    journal_entries,
    table_journal_entries,
    table_rows,
)

_Decoded = TypeVar("_Decoded")

_RECORDS_AT_ONCE = 512

_BLOCKS = """
SELECT payload, coalesce(through, 0) FROM allocation_blocks LEFT JOIN progress USING (position) ORDER BY position"""
_ASSIGNMENTS = "SELECT consumer, payload FROM assignments"
_TABLE_ASSIGNMENTS = "SELECT consumer, assignment FROM allocations WHERE assignment IS NOT NULL"
# One result row for thousands of table rows, for the reason given in ``bulk``.
_RECORDS = """
SELECT group_concat(hex(record), ''), max(place), count(*), group_concat(place)
FROM (SELECT rowid AS place, record FROM %s WHERE rowid > ? ORDER BY rowid LIMIT ?)"""


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
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        entries = list(self._entries(version))
        journal = [record for _, records in entries for record in records]
        changes = Changes(journal)
        parts = [*self._patched(version, entries, changes), changes.added()]
        allocations = np.concatenate(parts)
        assignments = self._assignments(version, changes, allocations)
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
            host_segments=[segment for _, segment in self.segments()],
            documents={kind: entries for kind, entries in documents.items() if entries},
            tokens=tokens,
            assignments=assignments,
        )

    def _entries(self, version: int) -> Iterator[tuple[int, list[JournalRecord]]]:
        """Yield the journal's rows with their sequences."""
        read = journal_entries if version >= BLOCKS_SINCE else table_journal_entries
        return read(self._connection, JournalCodec())

    def _patched(
        self, version: int, entries: Sequence[tuple[int, list[JournalRecord]]], changes: Changes
    ) -> Iterator[Rows]:
        """Yield the allocations from before the journal as it leaves them, in order."""
        if version < BLOCKS_SINCE:
            yield changes.patched(table_rows(self._connection))
            return
        # a fold may be under way, and has brought the first blocks up to some sequence of the journal
        for through, found in groupby(self._connection.execute(_BLOCKS), key=itemgetter(1)):
            left = (record for sequence, records in entries if sequence > through for record in records)
            rows = np.concatenate([block_rows(payload) for payload, _ in found])
            yield (Changes(left) if through else changes).patched(rows)

    def _assignments(self, version: int, changes: Changes, rows: Rows) -> dict[bytes, bytes]:
        """Return the payloads of those consumers that hold something in the end."""
        if version < ASSIGNMENTS_SINCE:
            found = {}
        else:
            found = dict(self._connection.execute(_ASSIGNMENTS if version >= BLOCKS_SINCE else _TABLE_ASSIGNMENTS))
        if found:
            for consumer in changes.ended():
                found.pop(consumer, None)
        payloads = changes.payloads
        if payloads:
            held = set(rows["consumer"][rows["released_us"] == 0].tolist())
            found |= {consumer: payload for consumer, payload in payloads.items() if consumer in held}
        return found

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

    def segments(self, positions: Sequence[int] = ()) -> Iterator[tuple[int, HostSegment]]:
        """Yield the position and content of every host segment, or of those at ``positions``, one at a time.

        Raises LedgerError, or LedgerCorruptError for one that is not sound.
        """
        try:
            yield from read_segments(self._connection, positions)
        except sqlite3.Error as error:
            raise failure_to_open(self._path, error) from error


def read_state(state_dir: Path, busy_timeout_s: float = 5.0) -> LedgerState:
    """Return the content of the ledger in ``state_dir`` without taking its lock, whether a service runs or not.

    Raises LedgerError when there is no ledger or it cannot be opened, LedgerCorruptError when it is not sound.
    """
    with LedgerReader(state_dir, busy_timeout_s) as reader:
        return reader.state()
