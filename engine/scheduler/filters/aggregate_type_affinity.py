"""AggregateTypeAffinityFilter: aggregates that name flavors are for those (nova.scheduler.filters.type_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_metadata import split_metadata
from engine.scheduler.facets import metadata_seen
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts

_KEY = "instance_type"


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    mine = ", ".join(sorted(set(split_metadata(facts.aggregates)[_KEY])))
    return f"flavor {request.flavor.name} among those of its aggregates' {_KEY}: {mine}"


@text_filter(
    "AggregateTypeAffinityFilter",
    reason="an aggregate of the host keeps it for other flavors",
    reads=("membership",),
    request_key=lambda request, options: request.flavor.name,
    once_per_request=True,
    change=_change,
    sees=metadata_seen,
)
def aggregate_type_affinity(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the host's aggregates name the request's flavor, or none at all."""
    flavors = split_metadata(facts.aggregates).get(_KEY)
    return flavors is None or request.flavor.name in flavors
