"""Lower bounds: how many hosts a workload needs at least, however they are chosen, for each resource and flavor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.inventory.schema import CLASS_PREFIX
from engine.scheduler.demand import CANDIDATES
from engine.whatif.measure.slots import MOST_SLOTS, host_slots
from engine.whatif.questions.peaks import peak_counts, peak_demand
from engine.whatif.scenario.changes import Drain, Fail, Restore
from engine.whatif.scenario.model import Scenario
from engine.whatif.workload import Workload
from engine.whatif.workloads.supply import surely_asked_of
from engine.whatif.world import World

CAPACITY_FILTER: Final = "CapacityFilter"
_MOST_FLAVORS: Final = 64
_KEEPS_BOUNDS: Final = (Drain, Fail, Restore)
"""Changes after which no host gives more than at first. Others may make hosts larger, or more of them."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bound:
    """One reason why fewer hosts cannot do: ``name`` is a resource class or a flavor.

    ``peak`` of it are needed at one time, ``a_host`` is what the first host gives, ``hosts`` how many hosts give that
    many; None for more than there can be.
    """

    name: str
    is_flavor: bool
    peak: int
    a_host: int
    hosts: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A world that shows every kind of host: ``first`` is the row of the first that the sizes count, of ``many``.

    ``is_all``: there are no more than these; otherwise they repeat.
    """

    world: World
    first: int
    many: int
    is_all: bool


def bounds_hold(scenario: Scenario, shown: Shown) -> bool:
    """Return whether what the hosts give at first bounds what they give: no change and no other provider adds to it."""
    table = shown.world.table
    if table.sharing or table.beyond_columns is not None:
        return False
    if not all(isinstance(change, _KEEPS_BOUNDS) for change in scenario.changes):
        return False
    # what is held already and lost in a failure leaves room that is not counted
    return not scenario.changes or not (shown.world.rows >= 0).any()


def lower_bounds(shown: Shown, workload: Workload, left_out: int) -> list[Bound]:
    """Return the bounds, the largest first: of each resource class, then of the flavors most of which there are.

    ``left_out`` instances may be refused. At the time when most is needed, whichever they are, the others ask for no
    less than all there are without the largest, and fit on no fewer hosts than have that much, empty, to give.
    """
    found = [*_by_class(shown, workload, left_out), *_by_flavor(shown, workload, left_out)]
    return sorted(found, key=lambda bound: np.inf if bound.hosts is None else bound.hosts, reverse=True)


def never_fitting(shown: Shown, workload: Workload) -> npt.NDArray[np.bool_]:
    """Return bool[requests]: those asked for that no host takes, not even one that is empty."""
    wanted = np.flatnonzero(np.bincount(workload.codes, minlength=len(shown.world.requests)))
    found = np.zeros(len(shown.world.requests), dtype=np.bool_)
    for code in wanted.tolist():
        found[code] = not host_slots(shown.world, code).any()
    return found


def _by_class(shown: Shown, workload: Workload, left_out: int) -> list[Bound]:
    world = shown.world
    if CAPACITY_FILTER not in {item.name for item in world.selector.chain.filters}:
        return []
    asks_placement = CANDIDATES in world.options.placement_filters
    asked = [
        surely_asked_of(world, code) if asks_placement else world.amounts(code).resources
        for code in range(len(world.requests))
    ]
    found = []
    for name, prefix in CLASS_PREFIX.items():
        sizes = np.array([amounts.get(name, 0) for amounts in asked], dtype=np.int64)
        if not sizes[workload.codes].any():
            continue
        peak = peak_demand(workload.events, sizes[workload.codes], left_out)
        room = np.maximum(world.table.columns[f"{prefix}_free"].astype(np.int64), 0)
        found.append(_bound(name, peak, shown, room, is_flavor=False))
    return found


def _by_flavor(shown: Shown, workload: Workload, left_out: int) -> list[Bound]:
    world = shown.world
    peaks = peak_counts(workload.events, workload.codes, len(world.requests)) - left_out
    found = []
    for code in np.argsort(-peaks, kind="stable")[:_MOST_FLAVORS].tolist():
        if peaks[code] <= 0:
            break
        room = host_slots(world, code)
        if (room < MOST_SLOTS).all():
            found.append(_bound(world.requests[code].flavor.name, int(peaks[code]), shown, room, is_flavor=True))
    return found


def _bound(name: str, peak: int, shown: Shown, room: Numbers, *, is_flavor: bool) -> Bound:
    """Return the bound of what needs ``peak`` of what each row has ``room`` for."""
    there = room * (shown.world.table.columns["present"] == 1)
    counted = there[shown.first : shown.first + shown.many]
    a_host = int(counted[0]) if len(counted) else 0
    need = peak - int(there[: shown.first].sum())
    if need <= 0:
        return Bound(name, is_flavor, peak, a_host, 0)
    sums = np.cumsum(counted)
    a_round = int(sums[-1]) if len(sums) else 0
    rounds = 0
    if not shown.is_all and a_round > 0:
        rounds = (need - 1) // a_round
        need -= rounds * a_round
    if a_round < need:
        return Bound(name, is_flavor, peak, a_host, None)
    return Bound(name, is_flavor, peak, a_host, rounds * shown.many + int(np.searchsorted(sums, need)) + 1)
