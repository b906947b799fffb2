"""Opening: from a scenario's fleet to a world: hosts, aggregates, flavors and chain, and then what instances hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from engine.errors import InvalidRequestError
from engine.fitting.pci_aliases import Aliases
from engine.inventory.generate import generate_fleet
from engine.inventory.schema import NO_HEARTBEAT
from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.whatif.fleets.held import hold_allocations
from engine.whatif.fleets.known_names import check_names
from engine.whatif.fleets.synthetic import synthetic_fleet
from engine.whatif.scenario.chain import chain_options
from engine.whatif.scenario.fleet import FleetAggregate
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.requests import aliases_of, flavor_request, request_of
from engine.whatif.served.snapshot import Snapshot
from engine.whatif.world import World

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Sources:
    """The tables that a fleet is made of, None for those the scenario does without."""

    hosts: pa.Table | None
    allocations: pa.Table | None
    snapshot: Snapshot | None


def opened(scenario: Scenario, sources: Sources, *, seed: int) -> World:
    """Return the world that a scenario begins with; raise InvalidRequestError where it names what there is not."""
    snapshot = sources.snapshot
    options = chain_options(SchedulerOptions() if snapshot is None else snapshot.options, scenario.chain)
    table = _table(scenario, sources)
    now_us = _moment_us(table, snapshot)
    refresh_services(table, options, now_us)
    world = World(table, options, seed=seed)
    world.now_us = now_us
    aliases = aliases_of(options)
    of_service = {} if snapshot is None else dict(_service_requests(snapshot.flavors, aliases))
    of_scenario = {flavor.name: request_of(flavor, options) for flavor in scenario.flavors}
    world.flavors = {**of_service, **of_scenario}
    allocations = sources.allocations if snapshot is None else snapshot.allocations
    if allocations is not None:
        # instances hold what the service's flavors say before what the scenario's do, which come later
        known = [of_service, of_scenario]
        hold_allocations(world, allocations, known, () if snapshot is None else snapshot.groups)
    check_names(scenario, world)
    return world


def refresh_services(table: HostTable, options: SchedulerOptions, now_us: int) -> None:
    """Bring the hosts' service states to a moment; hosts that send no heartbeats are up.

    Time stands still in a what-if: nothing goes down because nothing is heard of it.
    """
    table.refresh_services(now_us, options.service_down_time * _SECOND_US)


def _moment_us(table: HostTable, snapshot: Snapshot | None) -> int:
    """Return when hosts are looked at: at the snapshot's moment, else that of the newest heartbeat."""
    if snapshot is not None and snapshot.time_us:
        return snapshot.time_us
    seen = table.columns["last_seen_up_us"][: table.rows]
    return int(seen[seen != NO_HEARTBEAT].max(initial=0))


def fleet_hosts(scenario: Scenario, sources: Sources) -> pa.Table:
    """Return the hosts of a scenario's fleet; raise InvalidRequestError where they were not read."""
    if sources.snapshot is not None:
        return sources.snapshot.hosts
    if sources.hosts is not None:
        return sources.hosts
    fleet = scenario.fleet
    if isinstance(fleet.synthetic, str):
        return synthetic_fleet(fleet.synthetic)
    if fleet.synthetic is not None:
        return generate_fleet(fleet.synthetic, fleet.seed)
    raise InvalidRequestError("the fleet's hosts were not read: read the scenario's inputs first", field="fleet")


def _table(scenario: Scenario, sources: Sources) -> HostTable:
    """Return the hosts with their aggregates."""
    table, snapshot, fleet = HostTable(), sources.snapshot, scenario.fleet
    if snapshot is not None:
        # before the hosts, which say by name which they are in
        for aggregate in snapshot.aggregates:
            table.set_aggregate(replace(aggregate, hosts=frozenset()))
        table.set_sharing(snapshot.sharing)
    hosts = fleet_hosts(scenario, sources)
    if hosts.num_rows:
        table.upsert(hosts)
    for said in fleet.aggregates:
        _set_aggregate(table, said)
    return table


def _set_aggregate(table: HostTable, said: FleetAggregate) -> None:
    """Give an aggregate of this name metadata and hosts beside those it has."""
    table.ensure_aggregates([said.name])
    known = next(item for item in table.aggregates.values() if item.name == said.name)
    members = table.identity.host_ids.take(table.aggregate_host_rows(known.uuid))
    table.set_aggregate(
        Aggregate(known.uuid, known.name, frozenset(members) | set(said.hosts), {**known.metadata, **said.metadata})
    )


def _service_requests(flavors: Iterable[Flavor], aliases: Aliases) -> Iterator[tuple[str, RequestSpec]]:
    """Yield the requests of a service's flavors; one that contradicts itself is left out, as nothing is made of it."""
    for flavor in flavors:
        try:
            yield flavor.name, flavor_request(flavor, aliases)
        except InvalidRequestError:
            continue
