"""Inquiry: what the filters of one chain are asked with about the hosts of one fleet, for one demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.model.numa import GuestNuma
from engine.scheduler.chain import Chain
from engine.scheduler.demand import CANDIDATES, Demand
from engine.scheduler.destination import is_forced
from engine.scheduler.host_fit import HostFit
from engine.scheduler.registry import Filter
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.state_verdicts import StateVerdicts

AMOUNT_FILTERS = frozenset({"CapacityFilter", "AllocationUnitsFilter"})
"""The filters that look at what a host's own inventory has: no bound where other providers give the same classes."""

ROOT_FILTERS = frozenset({"TraitsFilter", "MemberOfFilter"})
"""The filters that look at what a host's own provider is: they decide for plain requests of hosts without others."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A demand on a fleet, the filters that run for it in order, the facts beside it, and what fits host states."""

    chain: Chain
    fleet: Fleet
    demand: Demand
    filters: tuple[Filter, ...]
    context: SelectionContext
    fit: HostFit
    verdicts: StateVerdicts

    @property
    def beyond_columns(self) -> npt.NDArray[np.bool_] | None:
        """The rows that columns cannot decide for (see Fleet.beyond_columns), None where placement is not asked."""
        return self.fleet.beyond_columns if self.fit.asks_placement else None

    def exempt(self, plugin: Filter) -> npt.NDArray[np.bool_] | bool:
        """Return the rows, or whether all or none, that the candidates decide for in place of ``plugin``."""
        if plugin.name not in AMOUNT_FILTERS and plugin.name not in ROOT_FILTERS:
            return False
        if plugin.name in ROOT_FILTERS and not self.demand.plain and self.fit.asks_placement:
            return True
        beyond = self.beyond_columns
        return False if beyond is None else beyond

    def with_numa(self, numa: GuestNuma | None) -> Inquiry:
        """Return the same for another guest topology."""
        fit = self.fit.with_numa(numa)
        filters = tuple(_running_filters(self.chain, self.fleet, fit.demand))
        return replace(self, demand=fit.demand, filters=filters, fit=fit)


def make_inquiry(
    chain: Chain, fleet: Fleet, demand: Demand, context: SelectionContext, verdicts: StateVerdicts
) -> Inquiry:
    """Return what the chain's filters are asked with."""
    filters = tuple(_running_filters(chain, fleet, demand))
    states = [item for item in filters if item.kind == "state"]
    fit = HostFit(fleet, demand, chain.options, states, context.offers, context.chance)
    return Inquiry(chain, fleet, demand, filters, context, fit, verdicts)


def _running_filters(chain: Chain, fleet: Fleet, demand: Demand) -> Iterator[Filter]:
    """Yield the filters that run for a demand, in order.

    For forced hosts they are placement's alone; candidates are only asked for where columns do not say all.
    """
    placement_only = is_forced(demand.request)
    for item in chain.applies(demand.request):
        is_asked = not placement_only or item.name in chain.options.placement_filters
        if is_asked and (item.name != CANDIDATES or not demand.plain or fleet.beyond_columns is not None):
            yield item
