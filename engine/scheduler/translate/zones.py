"""The aggregates that an availability zone stands for.

The rule is that of nova.scheduler.request_filter, map_az_to_placement_aggregate.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.inventory.fleet import Fleet
from engine.inventory.fleet_facts import as_before
from engine.model.aggregate import zone_mark

_KEY = "availability_zone"


def zone_members(zone: str, fleet: Fleet) -> frozenset[str]:
    """Return the uuids of the aggregates whose metadata name the zone, compared exactly; none for an unknown zone.

    ``zone_mark`` is among them where hosts name the zone as their own, which no aggregate says of them.
    """
    return fleet.of_facts("zone members", lambda: _by_zone(fleet)).get(zone, frozenset())


def _by_zone(fleet: Fleet) -> Mapping[str, frozenset[str]]:
    members = dict(fleet.of_facts("aggregates by zone", lambda: _aggregates_by_zone(fleet), as_before))
    for zone in fleet.zones_of_hosts:
        members[zone] = members.get(zone, frozenset()) | {zone_mark(zone)}
    return members


def _aggregates_by_zone(fleet: Fleet) -> Mapping[str, frozenset[str]]:
    members: dict[str, set[str]] = {}
    for aggregate in fleet.aggregates.values():
        zone = aggregate.metadata.get(_KEY)
        if zone:
            members.setdefault(zone, set()).add(aggregate.uuid)
    return {zone: frozenset(uuids) for zone, uuids in members.items()}
