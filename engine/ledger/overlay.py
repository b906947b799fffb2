"""AllocationOverlay: the allocations that table rows and a journal not yet written as rows amount to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

import numpy as np
import numpy.typing as npt

from engine.ledger.records import (
    CONSUMER_BYTES,
    AssignmentsWritten,
    Claims,
    ColumnRecord,
    JournalRecord,
    Moves,
    Releases,
    TokensForgotten,
)

ALLOCATION = np.dtype(
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
"""One allocation as read from the database; big-endian because SQL writes numbers as hex text."""


class AllocationOverlay:
    """Applies journal records to allocations in memory, as RowBatch applies them to the table.

    ``assignments`` are the payloads that the rows have, by consumer.
    """

    def __init__(
        self, rows: npt.NDArray[np.void], assignments: Mapping[bytes, bytes], records: Sequence[JournalRecord]
    ) -> None:
        claimed = sum(len(record.consumers) // CONSUMER_BYTES for record in records if isinstance(record, Claims))
        self._rows = np.zeros(len(rows) + claimed, ALLOCATION)
        self._rows[: len(rows)] = rows
        self._alive = np.ones(len(self._rows), np.bool_)
        self._size = len(rows)
        self._index: dict[bytes, int] = {}
        self.assignments = dict(assignments)
        """The payloads there are now, by consumer."""
        if any(isinstance(record, ColumnRecord | AssignmentsWritten) for record in records):
            self._index = dict(zip(rows["consumer"].tolist(), range(len(rows)), strict=True))
        for record in records:
            self._apply(record)

    def columns(self) -> npt.NDArray[np.void]:
        """Return the allocations there are now, ALLOCATION[n] in claim order."""
        return self._rows[: self._size][self._alive[: self._size]]

    def _apply(self, record: JournalRecord) -> None:
        match record:
            case Claims():
                self._claim(record)
            case Releases():
                keys = _keys(record)
                self._rows["released_us"][self._held(keys)] = record.released_us
                self._drop_assignments(keys)
            case Moves():
                self._move(record)
            case AssignmentsWritten():
                self._assign(record)
            case TokensForgotten():
                released = self._rows["released_us"][: self._size]
                self._alive[: self._size] &= (released == 0) | (released >= record.before_us)
            case _:
                pass

    def _claim(self, record: Claims) -> None:
        keys = _keys(record)
        new = slice(self._size, self._size + len(keys))
        for slot, key in enumerate(keys, self._size):
            earlier = self._index.get(key)
            if earlier is not None:
                self._alive[earlier] = False
            self._index[key] = slot
        rows = self._rows[new]
        rows["consumer"] = np.frombuffer(record.consumers, "V16")
        rows["host"] = np.frombuffer(record.hosts, "<i4")
        rows["shape"] = np.frombuffer(record.shapes, "<i4")
        rows["owner"] = record.owner
        rows["created_us"] = record.created_us
        self._size = new.stop
        self._drop_assignments(keys)

    def _move(self, record: Moves) -> None:
        hosts = dict(zip(_keys(record), np.frombuffer(record.hosts, "<i4").tolist(), strict=True))
        slots = self._slots(hosts)
        column = np.fromiter(hosts.values(), np.int32, len(hosts))
        movable = self._movable(slots)
        self._rows["host"][slots[movable]] = column[movable]
        self._drop_assignments(hosts)

    def _assign(self, record: AssignmentsWritten) -> None:
        keys = _keys(record)
        held = self._movable(self._slots(keys)).tolist()
        for key, payload, is_held in zip(keys, record.payloads, held, strict=True):
            if is_held:
                self.assignments[key] = payload

    def _drop_assignments(self, keys: Iterable[bytes]) -> None:
        if self.assignments:
            for key in keys:
                self.assignments.pop(key, None)

    def _held(self, keys: list[bytes]) -> npt.NDArray[np.int64]:
        slots = self._slots(keys)
        return slots[self._movable(slots)]

    def _slots(self, keys: Iterable[bytes]) -> npt.NDArray[np.int64]:
        return np.fromiter(map(self._index.get, keys, repeat(-1)), np.int64)

    def _movable(self, slots: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which of the slots (-1 for an unknown consumer) hold an allocation that is alive and not released."""
        known = slots >= 0
        slots = slots[known]
        known[known] = self._alive[slots] & (self._rows["released_us"][slots] == 0)
        return known


def _keys(record: ColumnRecord | AssignmentsWritten) -> list[bytes]:
    keys: list[bytes] = np.frombuffer(record.consumers, "V16").tolist()
    return keys
