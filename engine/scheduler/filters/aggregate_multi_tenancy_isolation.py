"""AggregateMultiTenancyIsolation: aggregates that name projects are for those alone.

The rule is that of nova.scheduler.filters.aggregate_multitenancy_isolation.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_metadata import split_metadata
from engine.scheduler.facets import metadata_seen
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts

_KEY_PREFIX = "filter_tenant_id"
"""How the metadata keys begin that name projects: numbered, they pass the length that one value may have."""


def _projects(facts: RequestFacts) -> set[str]:
    """Return the projects that the host's aggregates name."""
    metadata = split_metadata(facts.aggregates)
    return {value for key, values in metadata.items() if key.startswith(_KEY_PREFIX) for value in values}


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    mine = ", ".join(sorted(_projects(facts)))
    return f"project {request.project_id or '(none)'} among those of its aggregates' {_KEY_PREFIX}: {mine}"


@text_filter(
    "AggregateMultiTenancyIsolation",
    reason="an aggregate of the host keeps it for other projects",
    reads=("membership",),
    request_key=lambda request, options: request.project_id,
    once_per_request=True,
    change=_change,
    sees=metadata_seen,
)
def aggregate_multi_tenancy_isolation(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the host's aggregates name the request's project, or none at all."""
    projects = _projects(facts)
    return not projects or (bool(request.project_id) and request.project_id in projects)
