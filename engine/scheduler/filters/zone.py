"""ZoneFilter: the host is in the wanted availability zone.

The rule is that of nova.scheduler.request_filter, map_az_to_placement_aggregate.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.facets import zones_seen
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts


def _asks(request: RequestSpec) -> bool:
    return bool(request.availability_zone)


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    return f"zone {request.availability_zone} instead of {facts.profile.availability_zone or 'none'}"


@text_filter(
    "ZoneFilter",
    reason="in another availability zone",
    reads=("profile", "membership"),
    request_key=lambda request, options: request.availability_zone,
    once_per_request=True,
    applies=_asks,
    change=_change,
    sees=zones_seen,
)
def zone(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the host is in the zone, by its own record or an aggregate's metadata, compared exactly.

    A zone that no host and no aggregate names restricts nothing, as in nova, where that is how the default zone works.
    """
    wanted = request.availability_zone
    if wanted not in facts.known_zones():
        return True
    return facts.profile.availability_zone == wanted or any(
        item.metadata.get("availability_zone") == wanted for item in facts.aggregates
    )
