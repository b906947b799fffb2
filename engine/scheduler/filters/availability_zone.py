"""AvailabilityZoneFilter: the host is in the wanted zone; nova 28 removed it, the request filter took its place.

The rule is that of nova.scheduler.filters.availability_zone_filter up to nova 27. ZoneFilter is the rule since then.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_metadata import split_metadata
from engine.scheduler.facets import zones_seen
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts


def _asks(request: RequestSpec) -> bool:
    return bool(request.availability_zone)


def _zones(facts: RequestFacts, options: SchedulerOptions) -> set[str]:
    """Return the host's zones: its own and its aggregates', the default zone where neither names one."""
    own = facts.profile.availability_zone
    named = {*split_metadata(facts.aggregates).get("availability_zone", ()), *((own,) if own else ())}
    return named or {options.default_availability_zone}


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    return f"zone {request.availability_zone} instead of {', '.join(sorted(_zones(facts, options)))}"


@text_filter(
    "AvailabilityZoneFilter",
    reason="in another availability zone",
    reads=("profile", "membership"),
    request_key=lambda request, options: request.availability_zone,
    once_per_request=True,
    applies=_asks,
    change=_change,
    removed_in=28,
    sees=zones_seen,
)
def availability_zone(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the wanted zone is one of the host's; metadata may name several, with commas between."""
    return request.availability_zone in _zones(facts, options)
