"""Changes: what a scenario does to a world over time: hosts come, go, fail and are emptied, chain and flavors change.

Every change goes through the table and the world as production's would, and concerns the rows it is about alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InvalidHostError, InvalidRequestError
from engine.inventory.export import fleet_rows
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.inventory.ingest import fleet_columns
from engine.whatif.decisions import Cause, Decisions
from engine.whatif.fleets.choice import rows_of, unknown_name
from engine.whatif.fleets.known_names import ADDED
from engine.whatif.fleets.opening import refresh_services
from engine.whatif.fleets.synthetic import synthetic_fleet
from engine.whatif.measure.shortages import explain_refused
from engine.whatif.scenario.chain import chain_options
from engine.whatif.scenario.changes import (
    AddHosts,
    Change,
    Drain,
    Fail,
    RemoveHosts,
    Restore,
    SetChain,
    SetFlavor,
    SetRatio,
    SetReserved,
)
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.requests import aliases_of, fitted
from engine.whatif.world import World

Numbers = npt.NDArray[np.int64]

_CLAIMED: Final = 1
_GIVEN_BACK: Final = -1
_RATIOS: Final = {"cpu": "cpu_allocation_ratio", "ram": "ram_allocation_ratio", "disk": "disk_allocation_ratio"}
_FREE: Final = {"memory_mb": "free_ram_mb", "disk_gb": "free_disk_gb"}
"""What a host reports as free of a class, from which it takes what it keeps for itself."""


def changes_in_order(scenario: Scenario) -> list[Change]:
    """Return a scenario's changes by their times, those of equal times in the order written."""
    return sorted(scenario.changes, key=lambda change: change.at)


def apply_change(change: Change, world: World, rng: np.random.Generator) -> Decisions:
    """Do a change to a world, and return the decisions of the moves that it made, none for most changes.

    ``rng`` draws the hosts of which the change takes a share. Raises InvalidRequestError where it names what there is
    not, or asks for amounts that no host can have.
    """
    if isinstance(change, AddHosts):
        return _add_hosts(change, world)
    if isinstance(change, SetChain):
        return _set_chain(change, world)
    if isinstance(change, SetFlavor):
        return _set_flavor(change, world)
    rows = rows_of(change.of, world.table, rng, blocked=world.blocked)
    if isinstance(change, Restore):
        world.unblock(rows)
        return Decisions.empty(0)
    if isinstance(change, SetRatio | SetReserved):
        _set_facts(change, world, rows)
        return Decisions.empty(0)
    return _empty_hosts(change, world, rows)


def _add_hosts(change: AddHosts, world: World) -> Decisions:
    """Add hosts, which are called after the rows they get: no two changes add the same ones."""
    table = world.table
    first = table.rows + 1
    hosts = synthetic_fleet(change.like, prefix=ADDED, first=first, rack_prefix=f"rack-{ADDED}{first}")
    taken = table.identity.row_of.rows_of(hosts["host_id"].to_pylist())
    if (taken >= 0).any():
        name = hosts["host_id"][int(np.argmax(taken >= 0))].as_py()
        raise InvalidRequestError(f"add_hosts: there is a host called {name!r} already: rename it", host_id=name)
    if change.zone:
        hosts = _with_column(hosts, "availability_zone", pa.repeat(pa.scalar(change.zone), len(hosts)))
    if change.aggregates:
        joined = [[*own, *change.aggregates] for own in hosts["aggregates"].to_pylist()]
        hosts = _with_column(hosts, "aggregates", pa.array(joined, FLEET_SCHEMA.field("aggregates").type))
    with _all_shown(world):
        table.upsert(hosts)
        refresh_services(table, world.options, world.now_us)
    return Decisions.empty(0)


def _empty_hosts(change: RemoveHosts | Drain | Fail, world: World, rows: Numbers) -> Decisions:
    """Move instances away from hosts that take nothing new any more, and return what became of them."""
    world.block(rows)
    instances = world.instances_on(rows)
    before = world.rows[instances].astype(np.int32)
    found = world.move(instances)
    cause = Cause.EVACUATE if isinstance(change, Fail) else Cause.DRAIN
    decided = Decisions.of(change.at, instances, world.codes[instances], cause, found.rows, found.weights)
    lost = instances[found.refused]
    if len(lost):
        # where an old place is given back the host takes nothing new, so that the moment of it does not matter
        moved = np.flatnonzero(~found.refused)
        reasons, short = explain_refused(
            world,
            np.concatenate([found.rows, before[moved]]),
            np.concatenate([decided.codes, decided.codes[moved]]),
            np.concatenate([np.where(found.refused, 0, _CLAIMED), np.full(len(moved), _GIVEN_BACK)]).astype(np.int8),
        )
        decided.reasons[found.refused] = reasons
        decided.short[found.refused] = short
    if not isinstance(change, Drain):
        world.give_back(lost)
    if isinstance(change, RemoveHosts):
        _remove(world, rows)
    return decided


def _remove(world: World, rows: Numbers) -> None:
    """Remove hosts that hold nothing."""
    names = world.table.identity.host_ids.take(rows)
    world.unblock(rows)
    world.table.delete(names)


def _set_facts(change: SetRatio | SetReserved, world: World, rows: Numbers) -> None:
    """Have hosts report other ratios or reserved amounts; what instances hold stays as it is, over the edge too."""
    if not len(rows):
        return
    hosts = fleet_rows(world.table, rows)
    if isinstance(change, SetRatio):
        for name, column in _RATIOS.items():
            ratio = getattr(change, name)
            if ratio is not None:
                hosts = _with_column(hosts, column, pa.repeat(pa.scalar(float(ratio)), len(hosts)))
    else:
        for name in ("vcpus", "memory_mb", "disk_gb"):
            reserved = getattr(change, name)
            if reserved is not None:
                hosts = _reserving(hosts, name, reserved)
    with _all_shown(world):
        try:
            # their names are known, which is most of the work of an update
            world.table.upsert_columns(fleet_columns(hosts, named=True), rows, named=True)
        except InvalidHostError as error:
            raise InvalidRequestError(f"{change.do}: {error.message}", **error.details) from error
        finally:
            refresh_services(world.table, world.options, world.now_us)


def _reserving(hosts: pa.Table, name: str, reserved: int) -> pa.Table:
    """Return hosts that keep an amount for themselves, and report as much less free."""
    total = hosts[name].to_numpy()
    if (total < reserved).any():
        place = int(np.argmax(total < reserved))
        host_id = hosts["host_id"][place].as_py()
        raise InvalidRequestError(
            f"set_reserved: host {host_id!r} has a {name} of {total[place]}, of which {reserved} cannot be reserved",
            host_id=host_id,
        )
    before = hosts[f"{name}_reserved"]
    if name in _FREE:
        free = pc.subtract(pc.add(hosts[_FREE[name]], before), reserved)
        hosts = _with_column(hosts, _FREE[name], free)
    return _with_column(hosts, f"{name}_reserved", pa.repeat(pa.scalar(reserved, pa.int64()), len(hosts)))


def _set_chain(change: SetChain, world: World) -> Decisions:
    world.set_chain(chain_options(world.options, change.chain))
    with _all_shown(world):
        refresh_services(world.table, world.options, world.now_us)
    return Decisions.empty(0)


def _set_flavor(change: SetFlavor, world: World) -> Decisions:
    """Have every request of a flavor be replaced, for instances created from now on, by one of the new flavor."""
    codes = [code for code, request in enumerate(world.requests) if request.flavor.name == change.name]
    if change.name not in world.flavors and not codes:
        raise unknown_name(
            "flavor", change.name, {request.flavor.name for request in world.requests} | set(world.flavors)
        )
    sizes: Mapping[str, Any] = {
        "vcpus": change.vcpus,
        "memory_mb": change.memory_mb,
        "root_gb": change.disk_gb,
        "extra_specs": change.extra_specs,
    }
    said = {name: value for name, value in sizes.items() if value is not None}
    aliases = aliases_of(world.options)
    if change.name in world.flavors:
        request = world.flavors[change.name]
        # by code, so that a workload that asks for the flavor later is told the same
        codes = list(dict.fromkeys([*codes, world.code(request)]))
        world.flavors[change.name] = fitted(replace(request, flavor=replace(request.flavor, **said)), aliases)
    for code in codes:
        request = world.requests[world.replaced.get(code, code)]
        world.replaced[code] = world.code(fitted(replace(request, flavor=replace(request.flavor, **said)), aliases))
    return Decisions.empty(0)


@contextmanager
def _all_shown(world: World) -> Iterator[None]:
    """Have hosts that take nothing be there meanwhile, so that what is worked out for all hosts is for them too."""
    blocked = world.blocked
    world.unblock(blocked)
    try:
        yield
    finally:
        world.block(blocked)


def _with_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), FLEET_SCHEMA.field(name), values)
