"""Demand: a request made ready for selection: request filters applied, and what it asks of resource providers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from engine.errors import NoValidHostError
from engine.inventory.fleet import Fleet
from engine.inventory.usage import Amounts, flavor_amounts
from engine.model.candidates import CandidateQuery
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate import filtered, requested_amounts, translated
from engine.scheduler.uniform_trees import TreeAsk, tree_ask

CANDIDATES = "AllocationCandidatesFilter"
"""The placement filter that asks for allocation candidates; without it placement is asked for nothing but amounts."""


@dataclass(frozen=True)
class Demand:
    """A request as the filters see it, and what placement is asked for.

    ``queries`` are asked in order, and ``refusal`` says why there are none. ``plain`` means that the columns and text
    facts of a host to which no other provider gives anything decide what placement would say of it.
    """

    request: RequestSpec
    amounts: Amounts
    queries: tuple[CandidateQuery, ...] = ()
    plain: bool = True
    refusal: str = ""

    @cached_property
    def asked_once(self) -> dict[str, int]:
        """The amount of each resource class that no query asks for more than once, the largest where queries differ."""
        return {name: most for name, (most, times) in self._asked.items() if times == 1}

    @cached_property
    def asked_often(self) -> dict[str, int]:
        """The most that one query asks of each resource class, of those that several groups ask for."""
        return {name: most for name, (most, times) in self._asked.items() if times > 1}

    @cached_property
    def _asked(self) -> dict[str, tuple[int, int]]:
        """The most that one query asks of each class in all, and in how many different amounts."""
        found: dict[str, tuple[int, int]] = {}
        for query in self.queries:
            amounts: Counter[str] = Counter()
            times: Counter[str] = Counter()
            for group in query.groups:
                for name, amount in group.resources:
                    amounts[name] += amount
                    times[name] += 1
            for name, amount in amounts.items():
                most, often = found.get(name, (amount, 0))
                # two queries that ask for different amounts are told apart by more than one limit, too
                found[name] = (max(most, amount), max(often, times[name], 1 if most == amount else 2))
        return found

    @cached_property
    def names_traits(self) -> bool:
        """True when a query names a trait."""
        return any(
            query.root_required
            or query.root_forbidden
            or any(group.required or group.forbidden or group.any_of for group in query.groups)
            for query in self.queries
        )

    @cached_property
    def names_aggregates(self) -> bool:
        """True when a query names an aggregate."""
        return any(group.member_of or group.forbidden_aggregates for query in self.queries for group in query.groups)

    @cached_property
    def trees(self) -> frozenset[str]:
        """The uuids of providers whose trees alone may answer a group."""
        return frozenset(group.in_tree for query in self.queries for group in query.groups if group.in_tree)

    @cached_property
    def tree_ask(self) -> TreeAsk | None:
        """What is asked of a tree beyond the host's own provider, where a count of rooms tells; None where not."""
        return tree_ask(self.queries)

    @cached_property
    def maps_devices(self) -> bool:
        """True when PCI devices are asked of placement, so that a candidate says which provider gives them."""
        wanted = tuple(item.request_id for item in self.request.pci_requests if item.request_id)
        return bool(wanted) and any(
            group.suffix.startswith(wanted) for query in self.queries for group in query.groups if group.suffix
        )


def demand_of(request: RequestSpec, fleet: Fleet, options: SchedulerOptions) -> Demand:
    """Return what a request demands.

    Without the filter for allocation candidates, and for a rebuild in place, nothing is asked of placement but the
    flavor's own amounts. Where a request filter fails the request, or the host it has to go to does not exist, it is a
    demand that none can meet. Raises InvalidRequestError where flavor and image contradict each other.
    """
    if request.is_rebuild or CANDIDATES not in options.placement_filters:
        return Demand(request, flavor_amounts(request.flavor, is_bfv=request.is_bfv))
    try:
        narrowed = filtered(request, fleet, options)
        asked = translated(narrowed, fleet, options)
    except NoValidHostError as error:
        return Demand(request, requested_amounts(request), plain=False, refusal=error.message)
    return Demand(narrowed, asked.amounts, asked.queries, asked.plain, asked.refusal)
