"""GroupFacts: what a text filter sees of a group of hosts that have the same facts."""

from __future__ import annotations

from functools import cached_property

from engine.inventory.fleet import Fleet
from engine.inventory.profiles import Profile, Units
from engine.model.aggregate import Aggregate
from engine.scheduler.request_facts import ROW_ATTRIBUTES, RequestFacts

_NO_ROW = -1


class GroupFacts(RequestFacts):
    """The facts that a combination of codes stands for, in the order of FACT_COLUMNS; what is a row's own is unknown.

    Filters that look at more are asked about rows.
    """

    def __init__(self, fleet: Fleet, codes: tuple[int, int, int, int]) -> None:
        super().__init__(fleet, _NO_ROW)
        self._profile, self._membership, self._units, self._metrics = codes

    @cached_property
    def profile(self) -> Profile:
        """The hosts' text facts."""
        return self.fleet.profiles.values[self._profile]

    @cached_property
    def units(self) -> Units:
        """The hosts' min_unit, max_unit and step_size."""
        return self.fleet.units.values[self._units]

    @cached_property
    def metrics(self) -> frozenset[str]:
        """The names of the metrics that the hosts report."""
        return self.fleet.metric_sets.values[self._metrics]

    @cached_property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """The aggregates the hosts are in."""
        return self.fleet.membership_aggregates(self._membership)

    def get_attribute(self, name: str) -> object:
        """Return what the hosts have in common under nova's HostState name, None for what is each one's own.

        Raises KeyError for a name that Berth does not keep.
        """
        return None if name in ROW_ATTRIBUTES else super().get_attribute(name)
