"""Changes: what a run of journal records does to allocations, worked out once and applied to any rows of them.

What happens to one consumer's allocation depends on the records about this consumer alone. So the records are sorted by
consumer, and each consumer's are summed up: the last claim, and what came after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.ledger.allocation_rows import ALLOCATION, NO_ROWS, KeyHash, Keys, Rows, joined_keys, keys_of
from engine.ledger.records import (
    CONSUMER_BYTES,
    AllocationRecord,
    AssignmentsWritten,
    Claims,
    JournalRecord,
    Moves,
    Releases,
    TokensForgotten,
)

_CLAIM, _RELEASE, _MOVE, _ASSIGN = range(4)
_KINDS: Mapping[type, int] = {Claims: _CLAIM, Releases: _RELEASE, Moves: _MOVE, AssignmentsWritten: _ASSIGN}
_Ints = npt.NDArray[np.int64]


class Changes:
    """The changes of journal records, in order; records that concern no allocation are passed over."""

    def __init__(self, records: Iterable[JournalRecord]) -> None:
        self._steps: list[_Sum | int] = []
        """Sums of records, and between them instants before which released allocations are dropped."""
        run: list[AllocationRecord] = []
        for record in records:
            if isinstance(record, TokensForgotten):
                self._end_run(run)
                run = []
                self._steps.append(record.before_us)
            elif isinstance(record, AllocationRecord) and record.consumers:
                run.append(record)
        self._end_run(run)

    def _end_run(self, run: Sequence[AllocationRecord]) -> None:
        if run:
            self._steps.append(_Sum(run))

    def patched(self, rows: Rows) -> Rows:
        """Return what becomes of allocations from before, in their order; the same rows where nothing does."""
        for step in self._steps:
            rows = step.patched(rows) if isinstance(step, _Sum) else _forgotten(rows, step)
        return rows

    def added(self) -> Rows:
        """Return the allocations claimed by the records and still there after them, in claim order."""
        rows = NO_ROWS
        for step in self._steps:
            if isinstance(step, _Sum):
                rows = np.concatenate([step.patched(rows), step.claimed])
            else:
                rows = _forgotten(rows, step)
        return rows

    @property
    def payloads(self) -> dict[bytes, bytes]:
        """The assignments that consumers have at the end if they hold something then."""
        found: dict[bytes, bytes] = {}
        for step in self._steps:
            if isinstance(step, _Sum):
                if found:
                    for consumer in step.ended():
                        found.pop(consumer, None)
                found.update(step.payloads)
        return found

    def ended(self) -> list[bytes]:
        """Return the consumers whose assignments from before have come to an end."""
        return [consumer for step in self._steps if isinstance(step, _Sum) for consumer in step.ended()]


class _Sum:
    """What records without a TokensForgotten among them do to each consumer, consumers in the order of their hash."""

    def __init__(self, records: Sequence[AllocationRecord]) -> None:
        entries = _Entries(records)
        order, starts = self._sort(entries.keys)
        kinds = entries.kinds[order]
        count = len(order)
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, count)))
        at = np.arange(count)

        # places among the sorted entries: -1 stands for none, and so does ``count`` where the first is sought
        claim = np.maximum.reduceat(np.where(kinds == _CLAIM, at, -1), starts)
        since = at > claim[group]
        release = np.minimum.reduceat(np.where(since & (kinds == _RELEASE), at, count), starts)
        live = since & (at < release[group])
        move = np.maximum.reduceat(np.where(live & (kinds == _MOVE), at, -1), starts)
        assign = np.maximum.reduceat(np.where(live & (kinds == _ASSIGN), at, -1), starts)

        self._keys = entries.keys[order[starts]]
        self._is_claimed, self._is_moved, self._is_released = claim >= 0, move >= 0, release < count
        self._hosts = entries.hosts[order[move]]
        self._released_us = entries.released_us[order[np.minimum(release, count - 1)]]
        self.claimed = self._claims(entries, order[claim])
        """ALLOCATION[n]: the allocations of the last claims, in claim order."""
        given = ~self._is_released & (assign > move)
        names, numbers = self._keys[given], entries.payload_numbers[order[assign[given]]]
        self.payloads = {
            name.tobytes(): entries.payloads[number] for name, number in zip(names, numbers.tolist(), strict=True)
        }
        """The last assignment of each consumer that is neither moved nor released after it."""

    def patched(self, rows: Rows) -> Rows:
        """Return what becomes of allocations from before: the same rows where nothing does."""
        keys = keys_of(rows)
        hashes = self._hash(keys)
        found = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        hit = np.flatnonzero(self._hashes[found] == hashes)
        hit = hit[(self._keys[found[hit]] == keys[hit]).all(axis=1)]
        if not len(hit):
            return rows
        of = found[hit]
        held = rows["released_us"][hit] == 0
        rows = rows.copy()
        moved, released, claimed = held & self._is_moved[of], held & self._is_released[of], self._is_claimed[of]
        rows["host"][hit[moved]] = self._hosts[of[moved]]
        rows["released_us"][hit[released]] = self._released_us[of[released]]
        return np.delete(rows, hit[claimed]) if claimed.any() else rows

    def ended(self) -> list[bytes]:
        """Return the consumers that are claimed, moved or released."""
        keys = self._keys[self._is_claimed | self._is_moved | self._is_released]
        names: list[bytes] = np.ascontiguousarray(keys).view("V16").ravel().tolist()
        return names

    def _sort(self, keys: Keys) -> tuple[_Ints, _Ints]:
        """Return the entries' order by consumer and, for each consumer, where it begins; note hashes and secret."""
        while True:
            self._hash = KeyHash()
            hashes = self._hash(keys)
            order = np.argsort(hashes, kind="stable")
            hashes = hashes[order]
            starts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1]))
            self._hashes = hashes[starts]
            changes = np.flatnonzero((keys[order[1:]] != keys[order[:-1]]).any(axis=1)) + 1
            # two consumers of one hash, which another secret tells apart
            if len(changes) + 1 == len(starts):
                return order, starts

    def _claims(self, entries: _Entries, last: _Ints) -> Rows:
        """Return the allocations of the last claims, which ``last`` gives by consumer where there is one."""
        of = np.flatnonzero(self._is_claimed)
        of = of[np.argsort(last[of])]
        at = last[of]
        rows = np.empty(len(of), ALLOCATION)
        rows["consumer"] = np.ascontiguousarray(self._keys[of]).view("V16").ravel()
        rows["host"] = np.where(self._is_moved[of], self._hosts[of], entries.hosts[at])
        rows["shape"] = entries.shapes[at]
        rows["owner"] = entries.owners[at]
        rows["created_us"] = entries.created_us[at]
        rows["released_us"] = np.where(self._is_released[of], self._released_us[of], 0)
        return rows


class _Entries:
    """Records as columns, an entry for each consumer they name; what a kind of record does not say is 0."""

    def __init__(self, records: Sequence[AllocationRecord]) -> None:
        sizes = np.array([len(record.consumers) // CONSUMER_BYTES for record in records], np.int64)

        def spread(values: Iterable[int], kind: type) -> npt.NDArray[Any]:
            return np.repeat(np.fromiter(values, kind, len(records)), sizes)

        def filled(mask: npt.NDArray[np.bool_], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            column = np.zeros(len(mask), values.dtype)
            column[mask] = values
            return column

        self.keys = joined_keys(b"".join([record.consumers for record in records]))
        self.kinds = spread((_KINDS[type(record)] for record in records), np.int8)
        claims, assigns = self.kinds == _CLAIM, self.kinds == _ASSIGN
        hosts = b"".join([record.hosts for record in records if isinstance(record, Claims | Moves)])
        shapes = b"".join([record.shapes for record in records if isinstance(record, Claims)])
        self.hosts = filled(claims | (self.kinds == _MOVE), np.frombuffer(hosts, "<i4"))
        self.shapes = filled(claims, np.frombuffer(shapes, "<i4"))
        self.owners = spread((getattr(record, "owner", 0) for record in records), np.int32)
        self.created_us = spread((getattr(record, "created_us", 0) for record in records), np.int64)
        self.released_us = spread((getattr(record, "released_us", 0) for record in records), np.int64)
        self.payloads = [
            payload for record in records if isinstance(record, AssignmentsWritten) for payload in record.payloads
        ]
        self.payload_numbers = filled(assigns, np.arange(len(self.payloads)))


def _forgotten(rows: Rows, before_us: int) -> Rows:
    """Return allocations without those released before an instant: the same rows where there are none."""
    released = rows["released_us"]
    old = (released > 0) & (released < before_us)
    return rows[~old] if old.any() else rows
