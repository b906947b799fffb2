"""StateVerdicts: what state filters said of hosts, kept between requests: by row while it stays, and by its state.

A claim changes one row, so the next request of the kind asks about one state at most. A verdict by row holds while the
row's generation is the same, one by state while the codes in it mean what they did.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.fitting.numa_needs import ABSENT, ROOM_WIDTH, Room, may_fit, room
from engine.inventory.fact_groups import distinct
from engine.inventory.fleet import Fleet
from engine.inventory.schema import CLASS_PREFIX
from engine.scheduler.demand import CANDIDATES
from engine.scheduler.faults import FilterFault
from engine.scheduler.host_fit import HostFit
from engine.scheduler.registry import Filter
from engine.scheduler.uniform_trees import TreeRooms

DEFAULT_BUDGET_BYTES = 64 * 1024 * 1024
_BYTES_A_ROW = 9
_WORTH_A_LOOK = 64
"""From this many hosts on, those that lack something plain are told before any is fitted."""
_MOST_STATES = 100_000
"""States that one kind of request remembers before it forgets them all."""

_AMPLE, _SHORT = -1, -2
"""In place of a tree's code: its providers can serve what suffixed groups ask for, or cannot."""

Rows = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Kept:
    """One kind of request's verdicts: by row, with the generation they were given at, and by state."""

    seen: npt.NDArray[np.int64]
    passes: npt.NDArray[np.bool_]
    meaning: tuple[object, ...]
    """The objects by which the codes of a state have their meaning."""
    states: dict[tuple[Any, ...], bool] = field(default_factory=dict)


class StateVerdicts:
    """The verdicts of one fleet's hosts, within a budget of memory: the kind unused for longest makes room."""

    def __init__(self, fleet: Fleet, *, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self.fleet = fleet
        self.budget_bytes = budget_bytes
        self.evaluated = 0
        """How many hosts were fitted since the start."""
        self._rooms = np.empty((0, ROOM_WIDTH), dtype=np.int64)
        self._roomed = np.empty(0, dtype=np.bool_)
        self._rooms_of: object = None
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._tree_rooms: dict[str, TreeRooms] = {}

    def passes(
        self, fit: HostFit, plugin: Filter, rows: Rows, *, fault_fails: bool = False, worth_a_look: int = _WORTH_A_LOOK
    ) -> npt.NDArray[np.bool_]:
        """Return, for each of ``rows``, whether it passes one state filter.

        Where nova's filter would raise and nova's quirks are on, FilterFault is raised, or the host fails if
        ``fault_fails``. Candidates known beforehand are asked about anew each time. Of as many hosts as are
        ``worth_a_look``, those that lack something plain are told before any is fitted.
        """
        if not len(rows):
            return np.empty(0, dtype=np.bool_)
        if fault_fails and fit.options.nova_quirks:
            return np.array([_passes_unless_fault(fit, plugin, row) for row in rows.tolist()], dtype=np.bool_)
        if fit.offers is not None:
            return np.array([fit.passes(plugin, row) for row in rows.tolist()], dtype=np.bool_)
        if plugin.name == CANDIDATES:
            concerned = fit.rows_by_candidate(rows)
            passes = ~concerned
            passes[concerned] = self._by_state(fit, plugin, rows[concerned], worth_a_look)
            return passes
        return self._by_state(fit, plugin, rows, worth_a_look)

    def tree_rooms(self, resource_class: str) -> TreeRooms:
        """Return the rooms for one resource class of all trees that were asked about."""
        return self._tree_rooms.setdefault(resource_class, TreeRooms(resource_class))

    def known(self, fit: HostFit, plugin: Filter, rows: Rows) -> npt.NDArray[np.int8]:
        """Return, for each of ``rows``, 1 or 0 for a verdict that is kept for it, and -1 for none."""
        kept = self._of(fit, plugin)
        holds = kept.seen[rows] == self.fleet.columns["generation"][rows]
        known = np.where(holds, kept.passes[rows].astype(np.int8), np.int8(-1))
        if plugin.name == CANDIDATES:
            known[~fit.rows_by_candidate(rows)] = 1
        return known

    def _by_state(self, fit: HostFit, plugin: Filter, rows: Rows, worth_a_look: int) -> npt.NDArray[np.bool_]:
        if not len(rows):
            return np.empty(0, dtype=np.bool_)
        kept = self._of(fit, plugin)
        generation = self.fleet.columns["generation"]
        unknown = rows[kept.seen[rows] != generation[rows]]
        if len(unknown):
            kept.seen[unknown] = generation[unknown]
            if len(unknown) >= worth_a_look and plugin.needs is not None:
                needed = plugin.needs(fit.demand.request, fit.options)
                if needed is not None:
                    room = self._has_room(unknown, needed, quirks=fit.options.nova_quirks)
                    kept.passes[unknown[~room]] = False
                    unknown = unknown[room]
            trees = self._trees(fit, plugin, unknown)
            if trees is not None:
                served = trees != _SHORT
                kept.passes[unknown[~served]] = False
                unknown, trees = unknown[served], trees[served]
            kept.passes[unknown] = self._evaluate(fit, plugin, unknown, kept.states, trees)
        return np.asarray(kept.passes[rows])

    def _of(self, fit: HostFit, plugin: Filter) -> _Kept:
        """Return what is kept for a kind of request, made anew where its codes have another meaning by now."""
        key = _kind(fit, plugin)
        kept = self._kept.get(key)
        meaning = self._meaning(fit, plugin)
        length = len(self.fleet.columns["present"])
        if kept is None or len(kept.seen) != length or not _same(kept.meaning, meaning):
            kept = self._kept[key] = _Kept(np.full(length, -1), np.zeros(length, dtype=np.bool_), meaning)
        self._kept.move_to_end(key)
        while len(self._kept) > max(2, self.budget_bytes // (_BYTES_A_ROW * length)):
            self._kept.popitem(last=False)
        if len(kept.states) > _MOST_STATES:
            kept.states.clear()
        return kept

    def _meaning(self, fit: HostFit, plugin: Filter) -> tuple[object, ...]:
        devices = self.fleet.devices
        numberings = (devices.numas, devices.pools, devices.trees)
        if not _asks_placement(fit, plugin):
            return numberings
        return (*numberings, devices.sharing, self.fleet.facts_revision)

    def _has_room(self, rows: Rows, needed: Room, *, quirks: bool) -> npt.NDArray[np.bool_]:
        """Return, for each of ``rows``, whether its NUMA cells have at least what is needed."""
        numas = self.fleet.devices.numas
        if self._rooms_of is not numas or len(self._rooms) < len(numas):
            fresh = np.full((2 * len(numas), ROOM_WIDTH), ABSENT, dtype=np.int64)
            if self._rooms_of is numas:
                fresh[: len(self._rooms)] = self._rooms
                self._roomed = np.concatenate([self._roomed, np.zeros(len(fresh) - len(self._roomed), dtype=np.bool_)])
            else:
                self._roomed = np.zeros(len(fresh), dtype=np.bool_)
            self._rooms, self._rooms_of = fresh, numas
        codes = self.fleet.columns["numa"][rows]
        present = np.unique(codes)
        for code in present[~self._roomed[present]].tolist():
            self._rooms[code] = room(numas.values[code], quirks=quirks)
        self._roomed[present] = True
        return may_fit(self._rooms[codes], needed)

    def _trees(self, fit: HostFit, plugin: Filter, rows: Rows) -> npt.NDArray[np.int32] | None:
        """Return, for each of ``rows``, what is to be known of its tree, None where that is the whole of each.

        _SHORT where its providers cannot serve the request's suffixed groups, _AMPLE where they can, so that only the
        host's own provider is left to decide, and the tree's own code where it has to be searched.
        """
        ask = fit.demand.tree_ask if plugin.name == CANDIDATES else None
        if ask is None or self.fleet.sharing:
            return None
        rooms_of = self.tree_rooms(ask.resource_class)
        trees, codes = self.fleet.devices.trees, self.fleet.columns["tree"][rows]
        verdicts = np.where(ask.served_by(rooms_of.of(trees, codes)), _AMPLE, _SHORT)
        return np.where(rooms_of.tell_all(trees, codes), verdicts, codes).astype(np.int32)

    def _evaluate(
        self,
        fit: HostFit,
        plugin: Filter,
        rows: Rows,
        states: dict[tuple[Any, ...], bool],
        trees: npt.NDArray[np.int32] | None,
    ) -> npt.NDArray[np.bool_]:
        if not len(rows):
            return np.empty(0, dtype=np.bool_)
        keys = self._keys(fit, plugin, rows, self.fleet.columns["tree"][rows] if trees is None else trees)
        first, codes = distinct(keys, len(rows))
        verdicts = np.empty(len(first), dtype=np.bool_)
        columns = [key[first].tolist() for key in keys]
        for place, index in enumerate(first.tolist()):
            state = tuple(column[place] for column in columns)
            known = states.get(state)
            if known is None:
                known = states[state] = fit.passes(plugin, int(rows[index]))
                self.evaluated += 1
            verdicts[place] = known
        return verdicts[codes]

    def _keys(self, fit: HostFit, plugin: Filter, rows: Rows, trees: npt.NDArray[np.int32]) -> list[npt.NDArray[Any]]:
        """Return the columns on which the verdict depends, for ``rows`` and what is to be known of their trees."""
        fleet, demand = self.fleet, fit.demand
        names = dict.fromkeys(
            name
            for item in (*fit.before(plugin), plugin)
            if item.columns is not None
            for name in item.columns(demand.request, fit.options)
        )
        keys: list[npt.NDArray[Any]] = [fleet.columns[name][rows] for name in names]
        if not _asks_placement(fit, plugin):
            return keys
        if plugin.name != CANDIDATES:
            # which provider a device belongs to is the row's own
            keys.append(rows)
        if demand.trees:
            keys.append(rows)
        keys.append(trees)
        if demand.names_traits:
            keys.append(fleet.columns["profile"][rows])
        if demand.names_aggregates or fleet.sharing:
            keys += [fleet.columns["membership"][rows], fleet.columns["profile"][rows]]
        asked = {**demand.asked_often, **demand.asked_once}
        for name, prefix in CLASS_PREFIX.items():
            if name not in asked:
                continue
            free = fleet.columns[f"{prefix}_free"][rows].astype(np.int64)
            keys.append(np.clip(free, -1, asked[name]) if name in demand.asked_often else free >= asked[name])
        if len(asked.keys() & CLASS_PREFIX.keys()):
            keys.append(fleet.columns["units"][rows])
        return keys


def _passes_unless_fault(fit: HostFit, plugin: Filter, row: int) -> bool:
    try:
        return fit.passes(plugin, row)
    except FilterFault:
        return False


def _asks_placement(fit: HostFit, plugin: Filter) -> bool:
    return plugin.name == CANDIDATES or fit.demand.maps_devices


def _kind(fit: HostFit, plugin: Filter) -> Hashable:
    """Return what requests have in common that may share a filter's verdicts."""
    request = fit.demand.request
    asked = [*fit.before(plugin), plugin]
    keys = tuple(
        (item.name, None if item.request_key is None else item.request_key(request, fit.options)) for item in asked
    )
    return (keys, fit.demand.queries if _asks_placement(fit, plugin) else None)


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Return whether two meanings are the same objects and numbers."""
    return len(one) == len(other) and all(
        mine is its or (isinstance(mine, int) and mine == its) for mine, its in zip(one, other, strict=True)
    )
