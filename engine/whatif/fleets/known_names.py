"""Known names: that a scenario names no host, zone, aggregate or flavor that there will not be, told before a run."""

from __future__ import annotations

from collections.abc import Iterator

from engine.errors import InvalidRequestError
from engine.whatif.fleets.choice import unknown_name, zone_names
from engine.whatif.fleets.line import parse_line
from engine.whatif.scenario.changes import AddHosts, OfHosts, SetFlavor
from engine.whatif.scenario.hosts import HostChoice
from engine.whatif.scenario.model import Scenario
from engine.whatif.world import World

ADDED = "added"
"""What begins the names of hosts that a change adds."""


def check_names(scenario: Scenario, world: World) -> None:
    """Raise InvalidRequestError for the first name that is not known in the world nor made by a change before it."""
    table = world.table
    zones = set(zone_names(table))
    aggregates = {item.name for item in table.aggregates.values()}
    racks_added = hosts_added = False
    for number, change in sorted(enumerate(scenario.changes), key=lambda item: item[1].at):
        where = f"changes[{number}]"
        if isinstance(change, AddHosts):
            line = parse_line(change.like)
            zones.update([change.zone] if change.zone else line.zones)
            aggregates.update(change.aggregates)
            racks_added |= bool(line.rack_hosts)
            hosts_added = True
        elif isinstance(change, SetFlavor) and change.name not in world.flavors and scenario.workload.trace is None:
            raise _at(f"{where}.name", unknown_name("flavor", change.name, world.flavors))
        elif isinstance(change, OfHosts):
            _check(f"{where}.of", change.of, world, zones, aggregates, hosts_added=hosts_added, racks_added=racks_added)
    if scenario.drain is not None:
        known = {"hosts_added": hosts_added, "racks_added": racks_added}
        _check("drain.of", scenario.drain.of, world, zones, aggregates, **known)
    for where, name in _flavors(scenario):
        if name not in world.flavors:
            raise _at(where, unknown_name("flavor", name, world.flavors))


def _check(
    where: str,
    choice: HostChoice,
    world: World,
    zones: set[str],
    aggregates: set[str],
    *,
    hosts_added: bool,
    racks_added: bool,
) -> None:
    if choice.zone and choice.zone not in zones:
        raise _at(f"{where}.zone", unknown_name("availability zone", choice.zone, zones))
    if choice.aggregate and choice.aggregate not in aggregates and not racks_added:
        raise _at(f"{where}.aggregate", unknown_name("aggregate", choice.aggregate, aggregates))
    if choice.hosts:
        rows = world.table.identity.row_of.rows_of(list(choice.hosts))
        for name, row in zip(choice.hosts, rows.tolist(), strict=True):
            if row < 0 and not (hosts_added and name.startswith(f"{ADDED}-")):
                raise _at(f"{where}.hosts", unknown_name("host", name, world.table.identity.host_ids[:20_000]))


def _flavors(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield where flavors are named, and the names; a trace makes flavors that are known only when it is read."""
    for kind in ("mix", "fill"):
        table = getattr(scenario.workload, kind)
        for name in table.flavors if table is not None else ():
            yield f"workload.{kind}.flavors", name
    if scenario.workload.trace is None:
        yield from (("fits.flavors", name) for name in scenario.fits.flavors)
        yield from ((f"fits.{key}", name) for key in ("start", "least") if (name := getattr(scenario.fits, key)))


def _at(where: str, error: InvalidRequestError) -> InvalidRequestError:
    return InvalidRequestError(f"{where}: {error.message}", field=where)
