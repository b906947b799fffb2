"""What an aggregate must not do to availability zones: a host is in one zone, and its instances stay in theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from engine.boot.api.fleet import Fleet
from engine.boot.store.aggregates import ZONE_KEY, AggregateRow, list_aggregates
from engine.boot.store.schema import instances


class ZoneRefusal(Exception):  # noqa: N818 (it is told to the user as the reason of another refusal)
    """Why a change of an aggregate is refused."""


Zones = Mapping[str, frozenset[str]]
"""The zones that hosts are in, by host."""


def check_addition(connection: sa.Connection, fleet: Fleet, aggregate: AggregateRow, host: str) -> None:
    """Raise ZoneRefusal when a host cannot join an aggregate."""
    _check(connection, fleet, aggregate, [host], before="", after=aggregate.zone)


def check_removal(connection: sa.Connection, fleet: Fleet, aggregate: AggregateRow, host: str) -> None:
    """Raise ZoneRefusal when a host cannot leave an aggregate."""
    _check(connection, fleet, aggregate, [host], before=aggregate.zone, after="")


def check_zone_change(connection: sa.Connection, fleet: Fleet, aggregate: AggregateRow, zone: str) -> None:
    """Raise ZoneRefusal when the hosts of an aggregate cannot get a zone from it (empty: cannot lose theirs)."""
    _check(connection, fleet, aggregate, aggregate.hosts, before=aggregate.zone, after=zone)


def _check(
    connection: sa.Connection, fleet: Fleet, aggregate: AggregateRow, hosts: Sequence[str], *, before: str, after: str
) -> None:
    """Check that hosts to which an aggregate gave the zone ``before`` may get ``after`` from it instead."""
    if before == after:
        return
    others = _zones_by_others(connection, fleet, aggregate, hosts)
    conflicting = sorted({zone for host in hosts for zone in others[host]} - {after})
    if after and conflicting:
        raise ZoneRefusal(f"One or more hosts already in availability zone(s) {conflicting}")
    moved = [
        host
        for host in hosts
        if _effective(others[host], before, fleet.default_zone) != _effective(others[host], after, fleet.default_zone)
    ]
    if _instances_on(connection, moved):
        raise ZoneRefusal("One or more hosts contain instances in this zone")


def _effective(others: frozenset[str], given: str, default: str) -> frozenset[str]:
    """Return the zones of a host that has those of others, and one that is given to it, if any."""
    return (others | ({given} - {""})) or frozenset({default})


def _zones_by_others(connection: sa.Connection, fleet: Fleet, aggregate: AggregateRow, hosts: Iterable[str]) -> Zones:
    """Return the zones that hosts have from themselves and from all aggregates but one."""
    rows = list_aggregates(connection)
    ours = {row.uuid for row in rows}
    zoned = [(row.zone, frozenset(row.hosts)) for row in rows if row.zone and row.uuid != aggregate.uuid]
    foreign = {item.uuid: item.metadata.get(ZONE_KEY, "") for item in fleet.aggregates if item.uuid not in ours}
    found: dict[str, frozenset[str]] = {}
    for name in hosts:
        zones = {zone for zone, members in zoned if name in members}
        host = fleet.by_name.get(name)
        if host is not None:
            zones |= {host.availability_zone, *(foreign.get(uuid, "") for uuid in host.aggregate_uuids)}
        found[name] = frozenset(zones - {""})
    return found


def _instances_on(connection: sa.Connection, hosts: Sequence[str]) -> bool:
    query = sa.select(instances.c.number).where(instances.c.host.in_(hosts), instances.c.deleted.is_(False)).limit(1)
    return bool(hosts) and connection.execute(query).first() is not None
