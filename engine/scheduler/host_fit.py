"""HostFit: whether and how one request fits the NUMA cells, PCI pools and resource providers of single hosts.

What placement offers of a host is decided first; the filters of devices then refuse candidates, and a host passes while
one is left (nova.scheduler.filters, CandidateFilterMixin). Only what a chosen host gives is worked out in full.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine.fitting.errors import FittingFault
from engine.fitting.numa_fit import Mappings
from engine.inventory.fleet import Fleet
from engine.inventory.usage import Amounts, assigned_amounts
from engine.model.assignment import Assignment
from engine.model.candidates import Candidate, Provider
from engine.model.numa import GuestNuma
from engine.model.pci import PciPool
from engine.placement.candidates import first_candidate
from engine.scheduler.demand import CANDIDATES, Demand
from engine.scheduler.faults import FilterFault
from engine.scheduler.given_devices import given_devices
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import Filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.shuffled_trees import shuffled, shuffled_tree

Offers = Mapping[int, Sequence[Candidate]]
"""By row: the allocation candidates that placement gave, where they are known beforehand."""

UNMAPPED: tuple[Mappings, ...] = ({"": ("",)},)
"""The mappings of the one candidate of a host that gives everything itself."""

_TOLD_APART = frozenset({"dev_type", "remote_managed", "live_migratable"})
"""The facts of a PCI pool that decide whether a request may use it, whatever the request's specs name."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """What an instance is given of a host: the amounts its own inventory gives, and the assignment if there is one.

    ``next_numa`` is the guest topology that nova fits the request's next instance with; ``is_whole`` is False where
    nova would have stopped counting half way.
    """

    amounts: Amounts
    assignment: Assignment | None
    next_numa: GuestNuma | None
    is_whole: bool = True


class HostFit:
    """One demand against single hosts of a fleet; ``filters`` are the chain's state filters that run for it.

    ``chance`` draws which of a host's candidates is taken, where the options ask for that.
    """

    def __init__(
        self,
        fleet: Fleet,
        demand: Demand,
        options: SchedulerOptions,
        filters: Sequence[Filter],
        offers: Offers | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.fleet = fleet
        self.demand = demand
        self.options = options
        self.filters = tuple(filters)
        self.offers = offers
        self.chance = chance

    def with_numa(self, numa: GuestNuma | None) -> HostFit:
        """Return the same with another guest topology; filters that no longer concern the request are left out."""
        demand = replace(self.demand, request=replace(self.demand.request, numa=numa))
        filters = [item for item in self.filters if item.is_wanted(demand.request, self.options)]
        return HostFit(self.fleet, demand, self.options, filters, self.offers, self.chance)

    @property
    def asks_placement(self) -> bool:
        """Whether placement has a say in where the request goes beyond amounts."""
        return CANDIDATES in self.options.placement_filters and not self.demand.request.is_rebuild

    def needs_candidate(self, row: int) -> bool:
        """Whether the columns of a row cannot say what placement would."""
        if self.offers is not None and row in self.offers:
            return True
        if not self.asks_placement:
            return False
        beyond = self.fleet.beyond_columns
        return not self.demand.plain or (beyond is not None and bool(beyond[row]))

    def rows_by_candidate(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return, for each of ``rows``, whether its columns cannot say what placement would."""
        if not self.asks_placement:
            return np.zeros(len(rows), dtype=np.bool_)
        if not self.demand.plain:
            return np.ones(len(rows), dtype=np.bool_)
        beyond = self.fleet.beyond_columns
        return np.zeros(len(rows), dtype=np.bool_) if beyond is None else beyond[rows]

    def before(self, plugin: Filter) -> tuple[Filter, ...]:
        """Return the filters whose candidates are those that ``plugin`` looks at; none where it needs no mappings."""
        if plugin.name == CANDIDATES or not (self.demand.maps_devices or self.offers is not None):
            return ()
        return self.filters[: self.filters.index(plugin)] if plugin in self.filters else ()

    def passes(self, plugin: Filter, row: int) -> bool:
        """Return whether a row passes one state filter, of the candidates that those before it leave.

        Raises FilterFault where nova's filter would raise and nova's quirks are on.
        """
        asked = (*self.before(plugin), plugin)
        if self.offers is not None and row in self.offers:
            return bool(self._left(row, asked))
        if plugin.name == CANDIDATES:
            return not self.needs_candidate(row) or self._first(row, ()) is not None
        if self.demand.maps_devices:
            return self._first(row, asked) is not None
        return self._ask(plugin, RequestFacts(self.fleet, row), UNMAPPED)[0]

    def assign(self, row: int) -> Assigned | None:
        """Return what an instance is given of a row as it is now, None where placement would offer nothing of it."""
        candidate = None
        if self.needs_candidate(row):
            if self.offers is not None and row in self.offers:
                candidate = next(iter(self._left(row, self.filters)), None)
            else:
                candidate = self._first(row, self.filters, is_drawn=self.options.randomize_allocation_candidates)
            if candidate is None:
                return None
        elif self.demand.maps_devices and not all(self.passes(item, row) for item in self.filters):
            return None
        mappings = dict(candidate.mappings) if candidate is not None and _maps(candidate) else None
        # only nova's filter looks at networks and sets limits to how far cells are overcommitted
        is_limited = any(item.name == "NUMATopologyFilter" for item in self.filters)
        given = given_devices(self.fleet, row, self.demand.request, self.options, mappings, is_limited=is_limited)
        claimed = None if candidate is None or self._is_own(row, candidate) else candidate
        assignment = Assignment(given.numa, given.pci, claimed) if given.numa or given.pci or claimed else None
        amounts = assigned_amounts(self.demand.amounts, assignment, self.fleet.identity.uuids[row])
        next_numa = given.next_numa if self.options.nova_quirks else self.demand.request.numa
        return Assigned(amounts, assignment, next_numa, given.is_whole)

    def offers_anything(self, row: int) -> bool:
        """Return whether any candidate known beforehand is left of a row, True for one of which none is known."""
        return self.offers is None or row not in self.offers or bool(self._left(row, self.filters))

    # -- candidates ----------------------------------------------------------------------------------------------------

    def _left(self, row: int, filters: Sequence[Filter]) -> list[Candidate]:
        """Return the candidates known beforehand that the filters leave, each asked about all at once as nova does."""
        assert self.offers is not None
        left = list(self.offers[row])
        facts = RequestFacts(self.fleet, row)
        for plugin in filters:
            kept = self._ask(plugin, facts, [dict(item.mappings) for item in left])
            left = [item for item, passed in zip(left, kept, strict=True) if passed]
        return left

    def _first(self, row: int, filters: Sequence[Filter], *, is_drawn: bool = False) -> Candidate | None:
        """Return the first candidate of a row that the filters accept; without devices to map they are not asked.

        With ``is_drawn`` the first in an order of providers that is drawn by chance.
        """
        accept: Callable[[Candidate], bool] | None = None
        kind: Callable[[Provider], Hashable] | None = None
        asked = [item for item in filters if item.name != CANDIDATES]
        if asked and self.demand.maps_devices:
            facts = RequestFacts(self.fleet, row)
            kind = self._device_kind(row)

            def accept(candidate: Candidate) -> bool:
                mappings = (dict(candidate.mappings),)
                return all(self._ask(item, facts, mappings)[0] for item in asked)

        tree, sharing = self.fleet.provider_tree(row), self.fleet.sharing_with(row)
        if is_drawn and self.chance is not None:
            tree, sharing = shuffled_tree(tree, self.chance), shuffled(sharing, self.chance)
        for query in self.demand.queries:
            found = first_candidate(
                tree,
                sharing,
                query,
                tree_path=self.fleet.has_nested_or_sharing,
                from_root=True,
                accept=accept,
                kind=kind,
                quirks=self.options.nova_quirks,
            )
            if found is not None:
                return found
        return None

    def _device_kind(self, row: int) -> Callable[[Provider], Hashable]:
        """Return what a provider's PCI devices are to this request, the same for those that are alike to it."""
        named = {name for item in self.demand.request.pci_requests for spec in item.specs for name, _ in spec}
        named |= _TOLD_APART
        by_provider: dict[str, list[PciPool]] = {}
        for pool in self.fleet.pci_pools(row):
            uuid = dict(pool.tags).get("rp_uuid")
            if uuid:
                tags = tuple(item for item in pool.tags if item[0] in named and item[0] != "rp_uuid")
                by_provider.setdefault(uuid, []).append(replace(pool, tags=tags))
        kinds = {uuid: tuple(pools) for uuid, pools in by_provider.items()}
        return lambda provider: kinds.get(provider.uuid)

    def _ask(self, plugin: Filter, facts: RequestFacts, mappings: Sequence[Mappings]) -> Sequence[bool]:
        """Return, for each candidate's mappings, whether a filter accepts it."""
        try:
            answer: Sequence[bool] = plugin.body(facts, self.demand.request, self.options, mappings)
        except (FilterFault, FittingFault) as fault:
            if self.options.nova_quirks:
                raise FilterFault(fault.message, nova_exception=fault.nova_exception) from fault
            return (False,) * len(mappings)
        return answer

    def _is_own(self, row: int, candidate: Candidate) -> bool:
        """Whether a candidate takes just the amounts asked for, all from the host's own inventory."""
        own = tuple(sorted(self.demand.amounts.resources.items()))
        return candidate.allocations == ((self.fleet.identity.uuids[row], own),)


def _maps(candidate: Candidate) -> bool:
    """Whether a candidate's mappings name more than the unsuffixed group."""
    return any(suffix for suffix, _ in candidate.mappings)
