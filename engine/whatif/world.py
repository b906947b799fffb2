"""World: a fleet with its instances, on which a run places, moves and gives back by the chain that production has.

Requests that columns and text alone concern are answered in batches from the selector's class views, releases between
them included; the others (NUMA cells, PCI devices, provider trees, server groups, random choices) one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.errors import NoValidHostError
from engine.model.assignment import Assignment
from engine.model.selection import Selection
from engine.scheduler.views import NO_RELEASES, Releases
from engine.whatif.workload import NO_GROUP
from engine.whatif.world_state import Numbers, WorldState

_NONE: Final[Numbers] = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Found:
    """Where instances go: ``rows`` int32, -1 where no host takes one; ``weights`` float64 of the hosts chosen."""

    rows: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]

    @property
    def refused(self) -> npt.NDArray[np.bool_]:
        """Which of them no host takes."""
        return self.rows < 0


@dataclass(frozen=True, slots=True)
class _Given:
    """What is given back between requests: how many requests come before each, and the instances."""

    positions: Numbers
    instances: Numbers

    def before(self, position: int) -> _Given:
        """Return those due before a request."""
        high = int(np.searchsorted(self.positions, position))
        return _Given(self.positions[:high], self.instances[:high])

    def since(self, position: int) -> _Given:
        """Return the others, their positions counted from there."""
        low = int(np.searchsorted(self.positions, position))
        return _Given(self.positions[low:] - position, self.instances[low:])

    def between(self, first: int, last: int) -> _Given:
        """Return those due before a request from ``first`` on, but not from ``last`` on."""
        return self.since(first).before(last - first)


_NOTHING_GIVEN: Final = _Given(_NONE, _NONE)


class World(WorldState):
    """What a run works on; one thread at a time."""

    # -- placing -------------------------------------------------------------------------------------------------------

    def place(
        self,
        instances: Numbers,
        *,
        without: Sequence[int] | Numbers = (),
        releases: tuple[Numbers, Numbers] | None = None,
    ) -> Found:
        """Place instances one after the other, each claimed before the next.

        ``without`` are rows of hosts that do not exist for them. ``releases`` are (positions, instances): each instance
        is given back once so many of the requests were placed, and may be one of them. Positions never fall.
        """
        gone = np.asarray(without, dtype=np.int64)
        given = _NOTHING_GIVEN if releases is None else _Given(*releases)
        if self._needs_parts(instances):
            half = len(instances) // 2
            parts = [(instances[:half], given.before(half)), (instances[half:], given.since(half))]
            return _joined(
                [self.place(one, without=gone, releases=(due.positions, due.instances)) for one, due in parts]
            )
        hard = self._hard(instances)
        held = self.instances.assignments
        slow = np.array([number in held for number in given.instances.tolist()] if held else [], dtype=np.bool_)
        if not hard.any() and not slow.any():
            found = self._place_plain(instances, gone, given)
            self._record(instances, found, given.instances)
            return found
        with self._hidden(gone):
            return self._place_mixed(instances, hard, given)

    def rehearse(self, instances: Numbers, *, without: Sequence[int] | Numbers = ()) -> Found:
        """Return where instances would go, one after the other, and leave everything as it was.

        They hold what they hold meanwhile; ``without`` are rows of hosts that do not exist for them.
        """
        gone = np.asarray(without, dtype=np.int64)
        many = len(instances)
        if not self._hard(instances).any() and not self._needs_parts(instances):
            # given back by the kernel itself, right after the last was placed
            return self._place_plain(instances, gone, _Given(np.full(many, many, dtype=np.int64), instances))
        before = {number: state.copy() for number, state in self._group_states.items()}
        found, assignments = self._find(instances, gone)
        placed = ~found.refused
        self._release(instances[placed], found.rows[placed].astype(np.int64), assignments)
        self._group_states = before
        return found

    def move(self, instances: Numbers, *, without: Sequence[int] | Numbers = ()) -> Found:
        """Place instances anew, one after the other; those that find a host are there afterwards, the others stay.

        The old places are given back after the last has been placed.
        """
        found, assignments = self._find(instances, np.asarray(without, dtype=np.int64))
        self.give_back(instances[~found.refused])
        self._record(instances, found, _NONE)
        self.instances.assignments.update(assignments)
        return found

    def _record(self, instances: Numbers, found: Found, given_back: Numbers) -> None:
        placed = ~found.refused
        self.rows[instances[placed]] = found.rows[placed]
        self.rows[given_back] = -1

    def _hard(self, instances: Numbers) -> npt.NDArray[np.bool_]:
        """Return which instances class views do not answer."""
        codes = self.codes[instances]
        hard = np.zeros(len(self.requests), dtype=np.bool_)
        for code in np.flatnonzero(np.bincount(codes)).tolist():
            hard[code] = not self.is_plain(code)
        found = hard[codes]
        if self.instances.rules:
            found |= self.instances.groups[instances] != NO_GROUP
        return found

    def _needs_parts(self, instances: Numbers) -> bool:
        """Whether instances ask for more different things than there are views at a time."""
        most = self.selector.views.capacity
        if len(self.requests) <= most:
            return False
        return int(np.count_nonzero(np.bincount(self.codes[instances]))) > most

    def _place_mixed(self, instances: Numbers, hard: npt.NDArray[np.bool_], given: _Given) -> Found:
        """Place instances of which some are asked for the general way, or release what holds more than amounts."""
        many = len(instances)
        found = Found(np.full(many, -1, dtype=np.int32), np.zeros(many, dtype=np.float64))
        first = 0
        for last in _cuts(hard, given.positions):
            due = given.between(first, last)
            part = instances[first:last]
            self.give_back(due.instances)
            if hard[first]:
                result, assignments = self._find(part, _NONE)
                self.instances.assignments.update(assignments)
            else:
                result = self._place_plain(part, _NONE, _NOTHING_GIVEN)
            self._record(part, result, _NONE)
            found.rows[first:last], found.weights[first:last] = result.rows, result.weights
            first = last
        self.give_back(given.instances[given.positions >= many])
        return found

    def _find(self, instances: Numbers, without: Numbers) -> tuple[Found, dict[int, Assignment]]:
        """Claim hosts for instances, one after the other, and return them with what was assigned; record nothing."""
        many = len(instances)
        if self._needs_parts(instances):
            half = many // 2
            one, other = self._find(instances[:half], without), self._find(instances[half:], without)
            return _joined([one[0], other[0]]), one[1] | other[1]
        hard = self._hard(instances)
        if not hard.any():
            return self._place_plain(instances, without, _NOTHING_GIVEN), {}
        found = Found(np.full(many, -1, dtype=np.int32), np.zeros(many, dtype=np.float64))
        assignments: dict[int, Assignment] = {}
        first = 0
        with self._hidden(without):
            for last in _cuts(hard, _NONE):
                if hard[first]:
                    number = int(instances[first])
                    chosen = self._choose(number)
                    if chosen is not None:
                        found.rows[first], found.weights[first] = chosen.row, chosen.weight
                        if chosen.assignment is not None:
                            assignments[number] = chosen.assignment
                else:
                    part = self._place_plain(instances[first:last], _NONE, _NOTHING_GIVEN)
                    found.rows[first:last], found.weights[first:last] = part.rows, part.weights
                first = last
        return found, assignments

    def _choose(self, instance: int) -> Selection | None:
        """Claim a host for one instance the general way."""
        request = self.requests[int(self.codes[instance])]
        try:
            (chosen,) = self.selector.select(request, group=self._group_of(instance))
        except NoValidHostError:
            return None
        return chosen

    def _place_plain(self, instances: Numbers, without: Numbers, given: _Given) -> Found:
        """Claim hosts for instances that class views answer, and release what is given back between them.

        Their requests must not be more than there are views.
        """
        views, codes = self.selector.views, self.codes[instances]
        present = np.flatnonzero(np.bincount(codes)).tolist()
        slots, shapes = np.zeros((2, len(self.requests)), dtype=np.int64)
        for code in present:
            plan = self._plan(code)
            slots[code] = views.slot(plan.class_key, self.requests[code], plan.amounts)
        for code in present + np.flatnonzero(np.bincount(self.codes[given.instances])).tolist():
            shapes[code] = views.shape(self._plan(code).amounts)
        releases = NO_RELEASES
        if len(given.instances):
            rows, places = self._places(instances, given.instances)
            releases = Releases(given.positions, rows, shapes[self.codes[given.instances]], places)
        placed = views.place(slots[codes], shapes[codes], claim=True, releases=releases, without=without)
        return Found(placed.rows[:, 0].astype(np.int32), placed.weights[:, 0])

    def _places(self, instances: Numbers, given: Numbers) -> tuple[Numbers, Numbers]:
        """Return, of what is given back, the row of each, and its place in the batch where it is placed in it."""
        place_in_batch = self._scratch
        if len(place_in_batch) < len(self.instances):
            place_in_batch = self._scratch = np.full(2 * len(self.instances), -1, dtype=np.int64)
        place_in_batch[instances] = np.arange(len(instances))
        places = place_in_batch[given]
        place_in_batch[instances] = -1
        return self.rows[given].astype(np.int64), places


def _cuts(hard: npt.NDArray[np.bool_], positions: Numbers) -> list[int]:
    """Return where parts of a batch end: a hard request is a part of its own, and a release begins one."""
    many = len(hard)
    alone = np.flatnonzero(hard)
    ends = np.unique(np.concatenate([alone, alone + 1, positions[positions < many], [many]]))
    found: list[int] = ends[ends > 0].tolist()
    return found


def _joined(parts: Sequence[Found]) -> Found:
    return Found(np.concatenate([part.rows for part in parts]), np.concatenate([part.weights for part in parts]))
