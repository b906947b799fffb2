"""RowBatch: the SQL that applies records to the tables, many rows a statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from engine.ledger.bulk import COUNTER, cell, pack_cells
from engine.ledger.records import (
    DocumentsDeleted,
    DocumentsWritten,
    JournalRecord,
    OwnersAdded,
    ShapesAdded,
    TokenAnswered,
)

# The statements below are put together from this package's own constants; every value is a parameter.
_ASSIGN = f"""{COUNTER}
INSERT OR REPLACE INTO assignments (consumer, payload) SELECT {cell(0, 2)}, {cell(1, 2)} FROM n WHERE true"""  # noqa: S608
_UNASSIGN = f"""{COUNTER}
DELETE FROM assignments WHERE consumer IN (SELECT {cell(0, 1)} FROM n)"""  # noqa: S608
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


class RowBatch:
    """Applies records in order within the caller's transaction; tokens are held back, so ``flush`` must come last."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._encoder = msgspec.msgpack.Encoder()
        self._tokens: list[TokenAnswered] = []

    def add(self, record: JournalRecord) -> None:
        """Apply a record that is neither about allocations nor TokensForgotten."""
        match record:
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
        """Drop up to ``limit`` tokens from before then; True when none are left."""
        self.flush()
        return self._connection.execute(_FORGET_TOKENS, (before_us, limit)).rowcount < limit

    def write_assignments(self, payloads: Mapping[bytes, bytes]) -> None:
        """Write the assignments of consumers, instead of any they had."""
        self._write_cells(_ASSIGN, list(payloads.items()))

    def delete_assignments(self, consumers: Sequence[bytes]) -> None:
        """Drop the assignments of consumers, of those that have one."""
        self._write_cells(_UNASSIGN, [[consumer] for consumer in consumers])

    def flush(self) -> None:
        """Write what was held back."""
        tokens, self._tokens = self._tokens, []
        rows = [(token.token.encode(), b"%d" % token.created_us, self._encoder.encode(token)) for token in tokens]
        self._write_cells(_TOKEN, rows)

    def _write_cells(self, statement: str, rows: Sequence[Sequence[bytes]], **values: object) -> None:
        if rows:
            parameters = pack_cells(rows)
            self._connection.execute(statement, {**parameters, **values})
