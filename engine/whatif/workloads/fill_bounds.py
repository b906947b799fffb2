"""How many instances could fit at most, by the amounts that are free in all: what a fill need not be longer than."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.scheduler.demand import CANDIDATES
from engine.whatif.changes import apply_change
from engine.whatif.scenario.changes import (
    AddHosts,
    Change,
    Fail,
    RemoveHosts,
    SetChain,
    SetFlavor,
    SetRatio,
    SetReserved,
)
from engine.whatif.workloads.supply import capacity, free, surely_asked_of
from engine.whatif.world import World

_CAPACITY = "CapacityFilter"

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FillBounds:
    """``sizes`` int64[flavors, classes]: the least that an instance takes; ``rooms`` int64[classes]: the most free."""

    sizes: Numbers
    rooms: Numbers

    @property
    def is_finite(self) -> bool:
        """Whether every flavor takes something, so that it does not fit for ever."""
        return bool(self.sizes.any(axis=1).all())

    def are_beyond(self, sums: Numbers, refusals: int) -> NDArray[np.bool_]:
        """Return for each of the ``sums`` that instances take together whether so many of them were surely refused.

        If fewer had been, the others would fit into the rooms; those refused take the largest amount each at most.
        """
        largest = self.sizes.max(axis=0, initial=0)
        return np.asarray(((sums - (refusals - 1) * largest) > self.rooms).any(axis=1))


def fill_bounds(world: World, codes: NDArray[np.int32], changes: Sequence[Change] = ()) -> FillBounds:
    """Return the bounds for instances of ``codes`` in a world that ``changes`` change meanwhile; it stays as it is.

    Changes that take hosts away leave the bounds as they were, but instances that are lost with them make room.
    """
    classes = list(_classes(world, codes))
    lost = sum(isinstance(change, Fail | RemoveHosts) for change in changes)
    states = [world]
    for change in changes:
        if isinstance(change, AddHosts | SetRatio | SetReserved | SetChain | SetFlavor):
            later = states[-1].fork()
            apply_change(_of_all(change), later, np.random.default_rng(0))
            states.append(later)
            classes += _classes(later, codes)
    names = sorted(set(classes))
    sizes = np.array([[_asked(state, code, names) for code in codes.tolist()] for state in states], dtype=np.int64)
    rooms = [[free(state.table, name) for name in names] for state in states]
    again = [max(capacity(state.table, name) for state in states) for name in names] if lost else [0] * len(names)
    most = np.array(rooms, dtype=np.int64).max(axis=0) + lost * np.array(again, dtype=np.int64)
    return FillBounds(sizes.min(axis=0), most)


def _of_all(change: Change) -> Change:
    """Return a change of all hosts that it may be about, where it draws some of them."""
    if isinstance(change, SetRatio | SetReserved) and change.of.share is not None:
        return change.model_copy(update={"of": change.of.model_copy(update={"share": None})})
    return change


def _classes(world: World, codes: NDArray[np.int32]) -> set[str]:
    return {name for code in codes.tolist() for name in _checked(world, code)}


def _asked(world: World, code: int, names: Sequence[str]) -> list[int]:
    checked = _checked(world, code)
    return [checked.get(name, 0) for name in names]


def _checked(world: World, code: int) -> dict[str, int]:
    """Return what a request asks of each class, of those of which the chain checks how much is left."""
    now = world.replaced.get(code, code)
    filters = world.options.placement_filters
    if CANDIDATES in filters:
        return surely_asked_of(world, now)
    return world.amounts(now).resources if _CAPACITY in filters else {}
