"""BatchRun: one batch being placed strictly in order, with no Python object per request on the common path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.errors import NoValidHostError
from engine.ledger import records
from engine.ledger.records import Record, Shape
from engine.model.assignment import Assignment
from engine.model.request_spec import RequestSpec
from engine.scheduler.views import NO_RELEASES, Releases
from engine.service.book import shape_amounts
from engine.service.placer import Placer, claims_records
from engine.v1 import scheduler_service_pb2 as pb

PLACED = pb.PLACEMENT_OUTCOME_PLACED
NO_VALID_HOST = pb.PLACEMENT_OUTCOME_NO_VALID_HOST
TOKEN_REUSED = pb.PLACEMENT_OUTCOME_TOKEN_REUSED
REPEATED = pb.PLACEMENT_OUTCOME_REPEATED


@dataclass(frozen=True, slots=True)
class BatchColumns:
    """A checked batch: a request's flavor, count and token; the consumers to release, each after so many requests."""

    flavors: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    tokens: list[bytes]
    releases: list[bytes]
    positions: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Due:
    """What a run gives back: for the kernel, and the consumers it concerns."""

    releases: Releases
    consumers: list[bytes]


def instance_consumers(token: bytes, count: int) -> list[bytes]:
    """Return the consumers of a request's instances: the token, its last bytes XORed with the number."""
    head, tail = token[:12], int.from_bytes(token[12:], "big")
    return [head + (tail ^ number).to_bytes(4, "big") for number in range(count)]


class BatchRun:
    """One batch being placed: what came out so far, and what has to be written or undone."""

    def __init__(
        self, placer: Placer, requests: Sequence[RequestSpec], columns: BatchColumns, owner: int, now: int
    ) -> None:
        self.placer = placer
        self.requests = requests
        self.columns = columns
        self.owner = owner
        self.now = now
        many = len(columns.tokens)
        self.outcomes = np.full(many, PLACED, dtype=np.uint8)
        self._starts = np.concatenate([[0], np.cumsum(columns.counts)])
        self.rows = np.full(int(self._starts[-1]), -1, dtype=np.int64)
        self.records: list[Record] = []
        """What the ledger has to keep, in order."""
        self.released = 0
        """How many of the consumers to release held something."""
        self._claimed: list[bytes] = []
        self._given_back: list[bytes] = []
        self._next_release = 0
        amounts = [placer.selector.demand(request).amounts for request in requests]
        self._codes = [
            (item, placer.book.shape_code(request.flavor.name, item))
            for request, item in zip(requests, amounts, strict=True)
        ]

    def place(self) -> None:
        """Place the requests in order, with the releases between them.

        Runs of plain requests go to the kernel, the rest one by one.
        """
        special = self._special()
        start = 0
        while start < len(special):
            end = start + 1
            if special[start]:
                self._release_up_to(start)
                self._place_one(start)
            else:
                stops = np.flatnonzero(special[start:])
                end = start + int(stops[0]) if len(stops) else len(special)
                end = self._before_assigned_release(start, end)
                self._place_run(start, end)
            start = end
        self._release_up_to(len(special))

    def undo(self) -> None:
        """Forget everything that was placed, and hold again what was given back."""
        self.placer.undo_claims(self._claimed)
        self.placer.undo_release(self._given_back)

    def _special(self) -> npt.NDArray[np.bool_]:
        """Return which requests the kernel cannot take.

        Those for several instances, with a token met before, or of a flavor that no view can answer.
        """
        columns, placer = self.columns, self.placer
        special = columns.counts > 1
        special |= np.array(placer.book.places(columns.tokens), dtype=np.int64) >= 0
        if len(set(columns.tokens)) != len(columns.tokens):
            seen: set[bytes] = set()
            for index, token in enumerate(columns.tokens):
                special[index] |= token in seen
                seen.add(token)
        plain = np.array([placer.selector.uses_view(request, None) for request in self.requests], dtype=np.bool_)
        if len(plain):
            special |= ~plain[columns.flavors]
        # views are few: a batch of more flavors than there is room for goes one by one
        if len(self.requests) > placer.selector.views.capacity:
            special[:] = True
        return np.asarray(special, dtype=np.bool_)

    def _before_assigned_release(self, start: int, end: int) -> int:
        """Return where a run from ``start`` has to end: before what the kernel cannot give back, an assignment."""
        book = self.placer.book
        if not book.has_assignments:
            return end
        # what comes before the first request of a run is given back here, so that a run ends further on than it began
        self._release_up_to(start)
        first = self._next_release
        last = int(np.searchsorted(self.columns.positions, end, side="right"))
        places = book.places(self.columns.releases[first:last])
        for position, place in zip(self.columns.positions[first:last].tolist(), places, strict=True):
            if place >= 0 and book.assignment(place) is not None:
                return int(position)
        return end

    def _place_run(self, start: int, end: int) -> None:
        views = self.placer.selector.views
        flavors = self.columns.flavors[start:end]
        slots = np.zeros(len(self.requests), dtype=np.int64)
        shapes = np.zeros(len(self.requests), dtype=np.int64)
        for code in np.unique(flavors).tolist():
            amounts = self._codes[code][0]
            request = self.requests[code]
            slots[code] = views.slot(self.placer.selector.chain.class_key(request, amounts), request, amounts)
            shapes[code] = views.shape(amounts)
        due = self._due(start, end)
        placed = views.place(slots[flavors], shapes[flavors], claim=True, releases=due.releases)
        rows = placed.rows[:, 0]
        self.rows[self._starts[start:end]] = rows
        self.outcomes[start:end][rows < 0] = NO_VALID_HOST
        taken = np.flatnonzero(rows >= 0)
        if len(taken):
            codes = np.array([code for _, code in self._codes], dtype=np.int64)[flavors]
            tokens = self.columns.tokens
            self._keep([tokens[start + index] for index in taken.tolist()], rows[taken], codes[taken])
        self._record_releases(due.consumers)

    def _due(self, start: int, end: int) -> _Due:
        """Return what the kernel has to give back between the requests from ``start`` to before ``end``.

        A consumer holds something already, is claimed by a request of this run, or holds nothing and is left out.
        """
        first = self._next_release
        # with assignments about, what comes right before the request at ``end`` is left to what places that
        side: Literal["left", "right"] = "left" if self.placer.book.has_assignments else "right"
        last = self._next_release = int(np.searchsorted(self.columns.positions, end, side=side))
        if first == last:
            return _Due(NO_RELEASES, [])
        book, views = self.placer.book, self.placer.selector.views
        consumers = list(dict.fromkeys(self.columns.releases[first:last]))
        at = dict(
            zip(
                reversed(self.columns.releases[first:last]),
                self.columns.positions[first:last][::-1].tolist(),
                strict=True,
            )
        )
        places = np.array(book.places(consumers), dtype=np.int64)
        known = places >= 0
        held = known.copy()
        held[known] = book.is_held(places[known])
        rows = np.full(len(consumers), -1, dtype=np.int64)
        shapes = np.zeros(len(consumers), dtype=np.int64)
        requests = np.full(len(consumers), -1, dtype=np.int64)
        rows[held] = book.rows(places[held])
        shapes[held] = [
            views.shape(shape_amounts(book.shapes[code])) for code in book.shape_codes(places[held]).tolist()
        ]
        positions = np.array([at[consumer] for consumer in consumers], dtype=np.int64) - start
        if not known.all():
            index_of = {token: index for index, token in enumerate(self.columns.tokens[start:end])}
            for place in np.flatnonzero(~known).tolist():
                index = index_of.get(consumers[place], -1)
                if 0 <= index < positions[place]:
                    requests[place] = index
                    shapes[place] = views.shape(self._codes[int(self.columns.flavors[start + index])][0])
        kept = held | (requests >= 0)
        releases = Releases(np.maximum(positions[kept], 0), rows[kept], shapes[kept], requests[kept])
        return _Due(releases, [consumer for consumer, wanted in zip(consumers, kept.tolist(), strict=True) if wanted])

    def _release_up_to(self, request: int) -> None:
        """Give back what comes before a request that is not placed by the kernel."""
        first = self._next_release
        last = self._next_release = int(np.searchsorted(self.columns.positions, request, side="right"))
        if first < last:
            self._record_releases(self.placer.release_in_table(self.columns.releases[first:last]))

    def _record_releases(self, consumers: Sequence[bytes]) -> None:
        """Note in the book and for the ledger what the table has given back; a refused request has claimed nothing."""
        names = self.placer.release_in_book(consumers, self.now)
        if names:
            self.released += len(names)
            self._given_back += names
            self.records.append(records.Releases(b"".join(names), self.now))

    def _place_one(self, index: int) -> None:
        request = self.requests[int(self.columns.flavors[index])]
        shape = self.placer.book.shapes[self._codes[int(self.columns.flavors[index])][1]]
        count = int(self.columns.counts[index])
        consumers = instance_consumers(self.columns.tokens[index], count)
        book = self.placer.book
        earlier = [book.find(consumer) for consumer in consumers]
        first = int(self._starts[index])
        if any(earlier):
            same = all(entry is not None and _same_kind(book.shapes[entry.shape], shape) for entry in earlier)
            self.outcomes[index] = REPEATED if same else TOKEN_REUSED
            if same:
                self.rows[first : first + count] = [entry.row for entry in earlier if entry is not None]
            return
        try:
            chosen = self.placer.selector.select(replace(request, num_instances=count))
        except NoValidHostError:
            self.outcomes[index] = NO_VALID_HOST
            return
        rows, shapes, assignments = self.placer.claimed(request, chosen)
        self.rows[first : first + count] = rows
        self._keep(consumers, rows, shapes, assignments)

    def _keep(
        self,
        consumers: list[bytes],
        rows: npt.NDArray[np.int64],
        shapes: npt.NDArray[np.int64],
        assignments: Sequence[Assignment | None] = (),
    ) -> None:
        self.placer.book.add(consumers, rows, shapes, self.owner, self.now, assignments)
        self.records += claims_records(consumers, rows, shapes, self.owner, self.now, assignments)
        self._claimed += consumers


def _same_kind(one: Shape, other: Shape) -> bool:
    """True for shapes of one flavor, whichever providers give what it asks for."""
    return (one.flavor, one.vcpus, one.memory_mb, one.disk_gb) == (
        other.flavor,
        other.vcpus,
        other.memory_mb,
        other.disk_gb,
    )
