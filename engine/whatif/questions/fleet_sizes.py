"""Fleets of any size: the worlds that the question of size opens, one for each number of hosts that it tries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import lcm
from typing import Final

import pyarrow as pa

from engine.errors import InvalidRequestError
from engine.whatif.fleets.line import FleetLine, parse_line
from engine.whatif.fleets.opening import Sources, fleet_hosts, opened
from engine.whatif.fleets.synthetic import synthetic_fleet
from engine.whatif.inputs import Inputs, inputs_for
from engine.whatif.scenario.model import Scenario
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA, Snapshot
from engine.whatif.world import World

NEW: Final = "new"
"""What begins the names of hosts that are added to a fleet."""
_LEAST_SHOWN: Final = 16
_MOST_SHOWN: Final = 4096


@dataclass(frozen=True, slots=True)
class SizedFleets:
    """Fleets that differ in their number of hosts; a smaller one is the beginning of a larger one.

    ``line`` says the hosts, None for the first of ``hosts``; ``beside`` are those that are there in any case, with what
    instances hold on them. ``most`` is the largest number there can be, ``period`` after how many hosts they repeat.
    """

    scenario: Scenario
    sources: Sources
    line: FleetLine | None
    hosts: pa.Table | None
    beside: pa.Table | None
    most: int

    @property
    def least(self) -> int:
        """The smallest number of hosts that makes sense."""
        return 1 if self.beside is None else 0

    @property
    def shown(self) -> int:
        """How many hosts show every kind of them, in every zone."""
        if self.line is None:
            return self.most
        every = lcm(self.line.count, max(1, len(self.line.zones)))
        return min(self.most, max(_LEAST_SHOWN, min(every, _MOST_SHOWN)))

    def opened(self, many: int, *, seed: int) -> World:
        """Return the world of so many hosts; raise InvalidRequestError where it lacks what the scenario names."""
        parts = [] if self.beside is None else [self.beside]
        if many:
            parts.append(self._first(many))
        hosts = pa.concat_tables(parts)
        names = (
            set(hosts["host_id"].to_pylist()) if any(item.hosts for item in self.scenario.fleet.aggregates) else set()
        )
        aggregates = tuple(
            item.model_copy(update={"hosts": tuple(host for host in item.hosts if host in names)})
            for item in self.scenario.fleet.aggregates
        )
        fleet = self.scenario.fleet.model_copy(update={"aggregates": aggregates})
        kept = self.sources if self.beside is not None else _without_instances(self.sources)
        snapshot = None if kept.snapshot is None else replace(kept.snapshot, hosts=hosts)
        sources = Sources(hosts, kept.allocations, snapshot)
        return opened(self.scenario.model_copy(update={"fleet": fleet}), sources, seed=seed)

    def _first(self, many: int) -> pa.Table:
        if self.line is not None:
            if self.beside is None:
                return synthetic_fleet(self.line, many)
            return synthetic_fleet(self.line, many, prefix=NEW, rack_prefix=f"rack-{NEW}")
        assert self.hosts is not None
        return self.hosts.slice(0, many)


def sized_fleets(scenario: Scenario, inputs: Inputs) -> SizedFleets:
    """Return the fleets that a scenario's table ``size`` speaks of.

    Without ``like`` they are made of the scenario's own hosts: any number of those that a line says, else the first of
    those there are. What instances hold goes with the fleet that they are on, so it counts for ``besides_fleet`` only.
    Raises InvalidRequestError.
    """
    asked = scenario.size
    suited = inputs_for(scenario, inputs)
    sources = Sources(suited.hosts, suited.allocations, suited.snapshot)
    if asked.besides_fleet:
        if not asked.like:
            raise InvalidRequestError(
                "size.besides_fleet: say with size.like which hosts are added, such as like = '1 host of 64c 256g'",
                field="size.like",
            )
        return SizedFleets(scenario, sources, parse_line(asked.like), None, fleet_hosts(scenario, sources), asked.most)
    own = scenario.fleet.synthetic
    line = asked.like or (own if isinstance(own, str) else "")
    if line:
        return SizedFleets(scenario, sources, parse_line(line), None, None, asked.most)
    hosts = fleet_hosts(scenario, sources)
    if not hosts.num_rows:
        raise InvalidRequestError("the fleet has no hosts to begin with: say with size.like which ones are wanted")
    return SizedFleets(scenario, sources, None, hosts, None, min(asked.most, hosts.num_rows))


def _without_instances(sources: Sources) -> Sources:
    """Return sources without what instances hold."""
    snapshot: Snapshot | None = None
    if sources.snapshot is not None:
        snapshot = replace(sources.snapshot, allocations=ALLOCATION_SCHEMA.empty_table(), groups=())
    return Sources(sources.hosts, None, snapshot)
