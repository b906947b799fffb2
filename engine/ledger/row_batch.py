"""RowBatch: the SQL that applies records to the tables; runs of records of one kind become one statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from engine.ledger.bulk import COUNTER, INSTANT_WIDTH, NUMBER_WIDTH, Layout, cell, pack_cells
from engine.ledger.records import (
    CONSUMER_BYTES,
    NUMBER_BYTES,
    AssignmentsWritten,
    Claims,
    ColumnRecord,
    DocumentsDeleted,
    DocumentsWritten,
    JournalRecord,
    Moves,
    OwnersAdded,
    Releases,
    ShapesAdded,
    TokenAnswered,
)

_CLAIMED = Layout(host=NUMBER_WIDTH, shape=NUMBER_WIDTH, owner=NUMBER_WIDTH, created_us=INSTANT_WIDTH)
_RELEASED = Layout(released_us=INSTANT_WIDTH)
_MOVED = Layout(host=NUMBER_WIDTH)

# The statements below are put together from this package's own constants; every value is a parameter.
_CLAIM = f"""{COUNTER}
INSERT OR REPLACE INTO allocations (consumer, host, shape, owner, created_us)
SELECT {_CLAIMED.consumer}, {_CLAIMED.number("host")}, {_CLAIMED.number("shape")}, {_CLAIMED.number("owner")},
  {_CLAIMED.number("created_us")}
FROM n WHERE true"""  # noqa: S608
_RELEASE = f"""{COUNTER}, given(consumer, released_us) AS MATERIALIZED (
  SELECT {_RELEASED.consumer}, {_RELEASED.number("released_us")} FROM n)
UPDATE allocations SET released_us = given.released_us, assignment = NULL FROM given
WHERE allocations.consumer = given.consumer AND allocations.released_us = 0"""  # noqa: S608
_MOVE = f"""{COUNTER}, given(consumer, host) AS MATERIALIZED (SELECT {_MOVED.consumer}, {_MOVED.number("host")} FROM n)
UPDATE allocations SET host = given.host, assignment = NULL FROM given
WHERE allocations.consumer = given.consumer AND allocations.released_us = 0"""  # noqa: S608
_ASSIGN = f"""{COUNTER}, given(consumer, payload) AS MATERIALIZED (SELECT {cell(0, 2)}, {cell(1, 2)} FROM n)
UPDATE allocations SET assignment = given.payload FROM given
WHERE allocations.consumer = given.consumer AND allocations.released_us = 0"""  # noqa: S608
_TOKEN = f"""{COUNTER}
INSERT OR REPLACE INTO tokens (token, created_us, record)
SELECT CAST({cell(0, 3)} AS TEXT), CAST({cell(1, 3)} AS INTEGER), {cell(2, 3)} FROM n WHERE true"""  # noqa: S608
_DOCUMENT = f"""{COUNTER}
INSERT OR REPLACE INTO documents (kind, key, payload)
SELECT :kind, CAST({cell(0, 2)} AS TEXT), {cell(1, 2)} FROM n WHERE true"""  # noqa: S608
_DELETE_DOCUMENT = f"""{COUNTER}
DELETE FROM documents WHERE kind = :kind AND key IN (SELECT CAST({cell(0, 1)} AS TEXT) FROM n)"""  # noqa: S608
_CODED = f"""{COUNTER}
INSERT OR REPLACE INTO %s (code, record) SELECT :first + i, {cell(0, 1)} FROM n WHERE true"""  # noqa: S608
_SHAPE = _CODED % "shapes"
_OWNER = _CODED % "owners"
_FORGET_TOKENS = "DELETE FROM tokens WHERE rowid IN (SELECT rowid FROM tokens WHERE created_us < ? LIMIT ?)"
_FORGET_RELEASED = """
DELETE FROM allocations WHERE position IN (
  SELECT position FROM allocations WHERE released_us > 0 AND released_us < ? LIMIT ?)"""


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows ``start`` to ``end`` of a column record."""

    record: ColumnRecord
    start: int
    end: int

    @property
    def consumers(self) -> bytes:
        return self.record.consumers[self.start * CONSUMER_BYTES : self.end * CONSUMER_BYTES]

    def numbers(self, column: bytes) -> bytes:
        return column[self.start * NUMBER_BYTES : self.end * NUMBER_BYTES]


class RowBatch:
    """Applies records in order within the caller's transaction; runs are held back, so ``flush`` must come last."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._encoder = msgspec.msgpack.Encoder()
        self._run: list[_Part] = []
        self._tokens: list[TokenAnswered] = []

    def add_columns(self, record: ColumnRecord, start: int, end: int) -> None:
        """Apply rows ``start`` to ``end`` of the record (an empty record has none, whatever ``end`` says)."""
        if self._run and type(self._run[0].record) is not type(record):
            self._flush_run()
        if record.consumers:
            self._run.append(_Part(record, start, end))

    def add(self, record: JournalRecord) -> None:
        """Apply a record that is neither columns nor TokensForgotten."""
        match record:
            case AssignmentsWritten():
                self._assign(record)
            case TokenAnswered():
                self._tokens.append(record)
            case ShapesAdded():
                self._write_cells(
                    _SHAPE, [[self._encoder.encode(shape)] for shape in record.shapes], first=record.first
                )
            case OwnersAdded():
                self._write_cells(
                    _OWNER, [[self._encoder.encode(owner)] for owner in record.owners], first=record.first
                )
            case DocumentsWritten():
                rows = [(key.encode(), payload) for key, payload in record.documents.items()]
                self._write_cells(_DOCUMENT, rows, kind=record.kind)
            case DocumentsDeleted():
                self._write_cells(_DELETE_DOCUMENT, [[key.encode()] for key in record.keys], kind=record.kind)
            case _:
                raise TypeError(f"{type(record).__name__} is applied by another method")

    def forget(self, before_us: int, limit: int) -> bool:
        """Drop up to ``limit`` tokens and as many released allocations from before then; True when none are left."""
        self.flush()
        tokens = self._connection.execute(_FORGET_TOKENS, (before_us, limit)).rowcount
        released = self._connection.execute(_FORGET_RELEASED, (before_us, limit)).rowcount
        return tokens < limit and released < limit

    def flush(self) -> None:
        """Write what was held back."""
        self._flush_run()
        tokens, self._tokens = self._tokens, []
        rows = [(token.token.encode(), b"%d" % token.created_us, self._encoder.encode(token)) for token in tokens]
        self._write_cells(_TOKEN, rows)

    def _flush_run(self) -> None:
        run, self._run = self._run, []
        if not run:
            return
        match run[0].record:
            case Claims():
                self._claim(run)
            case Releases():
                self._release(run)
            case Moves():
                self._move(run)

    def _claim(self, run: list[_Part]) -> None:
        hosts, shapes, owners, created, sizes = [], [], [], [], []
        for part in run:
            record = part.record
            assert isinstance(record, Claims)
            hosts.append(part.numbers(record.hosts))
            shapes.append(part.numbers(record.shapes))
            owners.append(record.owner)
            created.append(record.created_us)
            sizes.append(part.end - part.start)
        parameters = _CLAIMED.pack(
            b"".join(part.consumers for part in run),
            host=np.frombuffer(b"".join(hosts), "<i4"),
            shape=np.frombuffer(b"".join(shapes), "<i4"),
            owner=np.repeat(np.array(owners, np.int32), sizes),
            created_us=np.repeat(np.array(created, np.int64), sizes),
        )
        self._connection.execute(_CLAIM, parameters)

    def _release(self, run: list[_Part]) -> None:
        # UPDATE FROM picks any of several matches, and the first release of a consumer is the one that counts.
        released: dict[bytes, int] = {}
        for part in run:
            assert isinstance(part.record, Releases)
            for consumer in _split(part.consumers, CONSUMER_BYTES):
                released.setdefault(consumer, part.record.released_us)
        instants = np.fromiter(released.values(), np.int64, len(released))
        self._connection.execute(_RELEASE, _RELEASED.pack(b"".join(released), released_us=instants))

    def _move(self, run: list[_Part]) -> None:
        # As above, and the last move of a consumer is the one that counts.
        moved: dict[bytes, bytes] = {}
        for part in run:
            assert isinstance(part.record, Moves)
            hosts = _split(part.numbers(part.record.hosts), NUMBER_BYTES)
            moved.update(zip(_split(part.consumers, CONSUMER_BYTES), hosts, strict=True))
        hosts_column = np.frombuffer(b"".join(moved.values()), "<i4")
        self._connection.execute(_MOVE, _MOVED.pack(b"".join(moved), host=hosts_column))

    def _assign(self, record: AssignmentsWritten) -> None:
        # the claims they belong to may still be held back; and as above, the last one of a consumer counts
        self._flush_run()
        payloads = dict(zip(_split(record.consumers, CONSUMER_BYTES), record.payloads, strict=True))
        self._write_cells(_ASSIGN, list(payloads.items()))

    def _write_cells(self, statement: str, rows: Sequence[Sequence[bytes]], **values: object) -> None:
        if rows:
            parameters = pack_cells(rows)
            self._connection.execute(statement, {**parameters, **values})


def _split(column: bytes, width: int) -> Iterable[bytes]:
    items: list[bytes] = np.frombuffer(column, f"V{width}").tolist()
    return items
