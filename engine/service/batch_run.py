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
from engine.service.consumer_index import Consumers, as_consumers
from engine.service.placer import Placer, claims_records
from engine.v1 import scheduler_service_pb2 as pb

PLACED = pb.PLACEMENT_OUTCOME_PLACED
NO_VALID_HOST = pb.PLACEMENT_OUTCOME_NO_VALID_HOST
TOKEN_REUSED = pb.PLACEMENT_OUTCOME_TOKEN_REUSED
REPEATED = pb.PLACEMENT_OUTCOME_REPEATED
_NO_PLACES = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class BatchColumns:
    """A checked batch: a request's flavor, count and token; the consumers to release, each after so many requests."""

    flavors: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    tokens: Consumers
    releases: Consumers
    positions: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Due:
    """What a run gives back: for the kernel, and in the book: a place, or -1 and the request of the run that claims."""

    releases: Releases
    places: npt.NDArray[np.int64]


_NOTHING_DUE = _Due(NO_RELEASES, _NO_PLACES)


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
        self.plans = placer.plans.of(requests)
        self.columns = columns
        self.owner = owner
        self.now = now
        many = len(columns.tokens)
        self.outcomes = np.full(many, PLACED, dtype=np.uint8)
        self._single = bool((columns.counts == 1).all())
        self._starts = np.arange(many + 1) if self._single else np.concatenate([[0], np.cumsum(columns.counts)])
        self.rows = np.full(int(self._starts[-1]), -1, dtype=np.int64)
        self.records: list[Record] = []
        """What the ledger has to keep, in order."""
        self.released = 0
        """How many of the consumers to release held something."""
        self._claimed: list[Consumers] = []
        self._given_back: list[Consumers] = []
        self._next_release = 0

    def place(self) -> None:
        """Place the requests in order, with the releases between them.

        Runs of plain requests go to the kernel, the rest one by one.
        """
        special = self._special()
        many = len(special)
        stops = np.flatnonzero(special).tolist()
        start = 0
        for stop in [*stops, many]:
            while start < stop:
                end = self._before_known_token(start, stop)
                if end == start:
                    self._release_up_to(start)
                    self._place_one(start)
                    end = start + 1
                else:
                    end = self._before_assigned_release(start, end)
                    self._place_run(start, end)
                start = end
            if stop < many:
                self._release_up_to(stop)
                self._place_one(stop)
                start = stop + 1
        self._release_up_to(many)

    def undo(self) -> None:
        """Forget everything that was placed, and hold again what was given back."""
        if self._claimed:
            self.placer.undo_claims(np.concatenate(self._claimed))
        if self._given_back:
            self.placer.undo_release(np.concatenate(self._given_back))

    def _special(self) -> npt.NDArray[np.bool_]:
        """Return which requests the kernel cannot take.

        Those for several instances, with a token met before, or of a flavor that no view can answer.
        """
        columns, placer = self.columns, self.placer
        places, special = placer.book.look_up(columns.tokens)
        special |= places >= 0
        if not self._single:
            special |= columns.counts > 1
        if not all(plan.has_view for plan in self.plans):
            special |= ~np.array([plan.has_view for plan in self.plans], dtype=np.bool_)[columns.flavors]
        # views are few: a batch of more flavors than there is room for goes one by one
        if len(self.plans) > placer.selector.views.capacity:
            special[:] = True
        return special

    def _before_known_token(self, start: int, end: int) -> int:
        """Return where a run has to end: before a token that an earlier request for several instances made known."""
        if self._single:
            return end
        known = np.flatnonzero(self.placer.book.found(self.columns.tokens[start:end]) >= 0)
        return start + int(known[0]) if len(known) else end

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
        slots = np.zeros(len(self.plans), dtype=np.int64)
        for code in np.flatnonzero(np.bincount(flavors, minlength=len(self.plans))).tolist():
            plan = self.plans[code]
            slots[code] = views.slot(plan.class_key, plan.request, plan.amounts)
        shapes = np.array([plan.view_shape for plan in self.plans], dtype=np.int64)
        due = self._due(start, end)
        placed = views.place(slots[flavors], shapes[flavors], claim=True, releases=due.releases)
        rows = placed.rows[:, 0]
        self.rows[self._starts[start] : self._starts[end]] = rows
        codes = np.array([plan.shape for plan in self.plans], dtype=np.int64)[flavors]
        tokens = self.columns.tokens[start:end]
        if rows.min() >= 0:
            places = self._keep(tokens, rows, codes)
        else:
            taken = rows >= 0
            self.outcomes[start:end][~taken] = NO_VALID_HOST
            places = np.full(len(rows), -1, dtype=np.int64)
            if taken.any():
                places[taken] = self._keep(tokens[taken], rows[taken], codes[taken])
        if len(due.places):
            claims = due.releases.requests
            self._record_releases(np.where(claims >= 0, places[claims], due.places))

    def _due(self, start: int, end: int) -> _Due:
        """Return what the kernel has to give back between the requests from ``start`` to before ``end``.

        A consumer holds something already, is claimed by a request of this run, or holds nothing and is left out.
        """
        book, plans = self.placer.book, self.placer.plans
        first = self._next_release
        # with assignments about, what comes right before the request at ``end`` is left to what places that
        side: Literal["left", "right"] = "left" if book.has_assignments else "right"
        last = self._next_release = int(np.searchsorted(self.columns.positions, end, side=side))
        if first == last:
            return _NOTHING_DUE
        consumers = self.columns.releases[first:last]
        positions = np.maximum(self.columns.positions[first:last] - start, 0)
        places, repeated = book.look_up(consumers)
        held = places >= 0
        requests = np.full(len(consumers), -1, dtype=np.int64)
        if not held.all():
            unknown = np.flatnonzero(~held)
            found = book.match(consumers[unknown], self.columns.tokens[start:end])
            requests[unknown] = np.where(found < positions[unknown], found, -1)
        held[held] = book.is_held(places[held])
        places[~held] = -1
        kept = held | (requests >= 0)
        if repeated.any():
            # of a consumer that is named again, the first time counts that gives something back
            effective = np.flatnonzero(kept)
            kept[effective] = ~book.look_up(consumers[effective])[1]
        if not kept.all():
            places, positions, requests, held = places[kept], positions[kept], requests[kept], held[kept]
        rows, shapes = np.full(len(places), -1, dtype=np.int64), np.zeros(len(places), dtype=np.int64)
        rows[held] = book.rows(places[held])
        shapes[held] = plans.view_shapes(book.shape_codes(places[held]))
        claimed = requests >= 0
        if claimed.any():
            own = np.array([plan.view_shape for plan in self.plans], dtype=np.int64)
            shapes[claimed] = own[self.columns.flavors[start:end][requests[claimed]]]
        return _Due(Releases(positions, rows, shapes, requests), places)

    def _release_up_to(self, request: int) -> None:
        """Give back what comes before a request that is not placed by the kernel."""
        first = self._next_release
        last = self._next_release = int(np.searchsorted(self.columns.positions, request, side="right"))
        if first < last:
            self._record_releases(self.placer.release_in_table(self.columns.releases[first:last]))

    def _record_releases(self, places: npt.NDArray[np.int64]) -> None:
        """Note in the book and for the ledger what the table has given back; a refused request (-1) claimed nothing."""
        book = self.placer.book
        if len(places) and places.min() < 0:
            places = places[places >= 0]
        if len(places):
            book.release(places, self.now)
            consumers = book.consumers(places)
            self.released += len(places)
            self._given_back.append(consumers)
            self.records.append(records.Releases(consumers.tobytes(), self.now))

    def _place_one(self, index: int) -> None:
        plan = self.plans[int(self.columns.flavors[index])]
        shape = self.placer.book.shapes[plan.shape]
        count = int(self.columns.counts[index])
        consumers = instance_consumers(self.columns.tokens[index].tobytes(), count)
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
            chosen = self.placer.selector.select(replace(plan.request, num_instances=count))
        except NoValidHostError:
            self.outcomes[index] = NO_VALID_HOST
            return
        rows, shapes, assignments = self.placer.claimed(plan.request, chosen)
        self.rows[first : first + count] = rows
        self._keep(as_consumers(consumers), rows, shapes, assignments)

    def _keep(
        self,
        consumers: Consumers,
        rows: npt.NDArray[np.int64],
        shapes: npt.NDArray[np.int64],
        assignments: Sequence[Assignment | None] = (),
    ) -> npt.NDArray[np.int64]:
        """Note in the book and for the ledger what the table has claimed; return the places in the book."""
        places = self.placer.book.add(consumers, rows, shapes, self.owner, self.now, assignments)
        self._claimed.append(consumers)
        self.records += claims_records(consumers, rows, shapes, self.owner, self.now, assignments)
        return places


def _same_kind(one: Shape, other: Shape) -> bool:
    """True for shapes of one flavor, whichever providers give what it asks for."""
    return (one.flavor, one.vcpus, one.memory_mb, one.disk_gb) == (
        other.flavor,
        other.vcpus,
        other.memory_mb,
        other.disk_gb,
    )
