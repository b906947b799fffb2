"""TextVerdicts: what each text filter says of each group of hosts, kept while aggregates and zones mean the same.

A filter tells groups apart by the columns it reads, and fewer still by what it ``sees`` in them: its *facets* of the
fleet. It is called once a facet for what it looks at of a request, and never again for another request that agrees
in that.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.inventory.fact_groups import FACT_COLUMNS, FactGroups, distinct
from engine.inventory.fleet import Fleet
from engine.inventory.fleet_facts import TEXT_VERDICTS
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.demand import CANDIDATES
from engine.scheduler.faults import FilterFault
from engine.scheduler.group_facts import GroupFacts
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import Filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.translate import requested_amounts

FAILS: Final = 0
PASSES: Final = 1
FAULT: Final = 2
"""A verdict where nova's filter would raise."""

_MOST_BYTES = 32 * 1024 * 1024
_MOST_TABLES = 8192

Verdicts = npt.NDArray[np.uint8]


@dataclass(slots=True)
class _Facets:
    """The facets of one filter: the code of each group's, an example's codes of each, and their numbers."""

    of_groups: npt.NDArray[np.int32]
    examples: list[tuple[int, int, int, int]]
    numbers: dict[Hashable, int]


@dataclass(slots=True)
class _Table:
    """One filter's verdict on each facet for one kind of request, and whether all pass."""

    verdicts: Verdicts
    all_pass: bool


class TextVerdicts:
    """The verdicts on one line of groups under one chain's options; a table and its snapshots share them."""

    def __init__(self, options: SchedulerOptions, line: object, zones: frozenset[str]) -> None:
        self.options = options
        self.line = line
        self.zones = zones
        self.calls = 0
        """How often a filter's body was called."""
        self._facets: dict[str, _Facets] = {}
        self._tables: OrderedDict[Hashable, _Table] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        # where placement is asked for nothing but the flavor's sizes, extra specs may still replace them for a filter
        self._sizes_are_amounts = CANDIDATES in options.placement_filters

    def passing(
        self,
        filters: Iterable[Filter],
        fleet: Fleet,
        groups: FactGroups,
        request: RequestSpec,
        amounts: Amounts,
        only: npt.NDArray[np.int32] | None = None,
    ) -> Verdicts | None:
        """Return uint8 a group, or for each of the groups in ``only``: 1 where hosts are that pass all the filters.

        None where nova's filter would raise over such a group with nova's quirks on: then hosts must be asked in turn.
        """
        hosts = groups.hosts if only is None else groups.hosts[only]
        left: Verdicts = (hosts > 0).view(np.uint8)
        with self._lock:
            for plugin in filters:
                if not left.any():
                    break
                facets, table = self._asked(plugin, fleet, groups, request, amounts)
                if table.all_pass:
                    continue
                of_groups = facets.of_groups[: len(groups)] if only is None else facets.of_groups[only]
                verdicts = table.verdicts[of_groups]
                if self.options.nova_quirks and bool((left & (verdicts == FAULT)).any()):
                    return None
                left = left & (verdicts == PASSES)
        return left

    def failures(
        self,
        filters: Sequence[tuple[Filter, int]],
        fleet: Fleet,
        groups: FactGroups,
        request: RequestSpec,
        amounts: Amounts,
    ) -> npt.NDArray[np.uint64]:
        """Return uint64 a group: the given bit of each filter that fails it or where nova's would raise."""
        bits = np.zeros(len(groups), dtype=np.uint64)
        if len(groups) == 1:
            return bits
        with self._lock:
            for plugin, bit in filters:
                facets, table = self._asked(plugin, fleet, groups, request, amounts)
                if not table.all_pass:
                    of_facets = np.where(table.verdicts == PASSES, np.uint64(0), np.uint64(1 << bit))
                    bits |= of_facets[facets.of_groups[: len(groups)]]
        return bits

    def _asked(
        self, plugin: Filter, fleet: Fleet, groups: FactGroups, request: RequestSpec, amounts: Amounts
    ) -> tuple[_Facets, _Table]:
        """Return a filter's facets and its verdicts on them, with those that are new added."""
        facets = self._facets.get(plugin.name)
        if facets is None or len(facets.of_groups) < len(groups):
            facets = self._facets[plugin.name] = self._faceted(plugin, fleet, groups, facets)
        asked: Hashable = amounts
        if plugin.request_key is not None:
            asked = plugin.request_key(request, self.options)
        elif not self._sizes_are_amounts:
            asked = (amounts, requested_amounts(request))
        key = (plugin.name, asked)
        table = self._tables.get(key)
        if table is None or len(table.verdicts) < len(facets.examples):
            table = self._answered(plugin, fleet, request, facets, table)
            self._keep(key, table)
        self._tables.move_to_end(key)
        return facets, table

    def _faceted(self, plugin: Filter, fleet: Fleet, groups: FactGroups, known: _Facets | None) -> _Facets:
        """Return a filter's facets of the groups, going on from those that are known."""
        facets = known or _Facets(np.zeros(1, dtype=np.int32), [], {})
        start = len(facets.of_groups)
        fresh = groups.combinations[start:]
        keys = [fresh[:, FACT_COLUMNS.index(name)] for name in plugin.reads]
        first, codes = distinct(keys, len(fresh))
        numbers = np.empty(len(first), dtype=np.int32)
        found = fresh[first].tolist()
        places = [FACT_COLUMNS.index(name) for name in plugin.reads]
        for index, combination in enumerate(found):
            example = (combination[0], combination[1], combination[2], combination[3])
            seen: Hashable = (
                tuple(combination[place] for place in places)
                if plugin.sees is None
                else plugin.sees(GroupFacts(fleet, example))
            )
            number = facets.numbers.get(seen)
            if number is None:
                number = facets.numbers[seen] = len(facets.examples)
                facets.examples.append(example)
            numbers[index] = number
        of_groups = np.concatenate([facets.of_groups, numbers[codes]])
        return _Facets(of_groups, facets.examples, facets.numbers)

    def _answered(
        self, plugin: Filter, fleet: Fleet, request: RequestSpec, facets: _Facets, known: _Table | None
    ) -> _Table:
        """Return a filter's verdicts on its facets for a request, going on from those that are known."""
        start = 0 if known is None else len(known.verdicts)
        verdicts = np.empty(len(facets.examples), dtype=np.uint8)
        if known is not None:
            verdicts[:start] = known.verdicts
        ask = self._prepared(plugin, request)
        for index in range(start, len(verdicts)):
            try:
                verdicts[index] = PASSES if ask(GroupFacts(fleet, facets.examples[index])) else FAILS
            except FilterFault:
                verdicts[index] = FAULT
        self.calls += len(verdicts) - start
        return _Table(verdicts, bool((verdicts == PASSES).all()))

    def _prepared(self, plugin: Filter, request: RequestSpec) -> Callable[[RequestFacts], bool]:
        """Return what tells of each host whether it passes a filter."""
        body, options = plugin.body, self.options
        if plugin.prepare is not None:
            # a request that the filter cannot read is a fault of each host
            with contextlib.suppress(FilterFault):
                return plugin.prepare(request, options)
        return lambda facts: bool(body(facts, request, options))

    def _keep(self, key: Hashable, table: _Table) -> None:
        """Keep a table; those unused for longest make room."""
        earlier = self._tables.get(key)
        self._bytes += len(table.verdicts) - (0 if earlier is None else len(earlier.verdicts))
        self._tables[key] = table
        while len(self._tables) > 1 and (self._bytes > _MOST_BYTES or len(self._tables) > _MOST_TABLES):
            oldest = next(iter(self._tables))
            if oldest == key:
                self._tables.move_to_end(key)
                continue
            self._bytes -= len(self._tables.pop(oldest).verdicts)


def text_verdicts(fleet: Fleet, options: SchedulerOptions) -> TextVerdicts:
    """Return what is kept of the text filters' verdicts on a fleet's groups as they are now."""

    def make() -> TextVerdicts:
        return TextVerdicts(options, fleet.fact_groups.line, fleet.zones)

    def refresh(known: TextVerdicts, rows: npt.NDArray[np.int64]) -> TextVerdicts:
        # a zone that a host names may decide what a filter says of every other
        same = known.line is fleet.fact_groups.line and known.zones == fleet.zones
        return known if same else make()

    return fleet.of_facts((TEXT_VERDICTS, options), make, refresh)
