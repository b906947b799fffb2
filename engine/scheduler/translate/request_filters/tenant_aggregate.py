"""Tenant aggregate: a project that has aggregates of its own stays in them (nova's require_tenant_aggregate)."""

from __future__ import annotations

from engine.inventory.fleet import Fleet
from engine.scheduler.translate.request_filters.asked import Added, Asked, no_host

_KEY_PREFIX = "filter_tenant_id"


def tenant_aggregate(asked: Asked) -> Added | None:
    """Return the project's aggregates; NoValidHostError where it has none and must have one."""
    options, project = asked.options, asked.request.project_id
    if not options.limit_tenants_to_placement_aggregate:
        return None
    uuids = asked.fleet.of_facts("tenant aggregates", lambda: _by_value(asked.fleet)).get(project)
    if uuids:
        return Added(member_of=(uuids,))
    if options.placement_aggregate_required_for_tenants:
        raise no_host(asked, f"project {project!r} has no aggregate, and hosts are kept for those that have one")
    return None


def _by_value(fleet: Fleet) -> dict[str, frozenset[str]]:
    """Return the aggregates by the values of their metadata, those alone that have a key of this filter.

    nova looks for the project among all values of such an aggregate, not only those of the filter's keys.
    """
    found: dict[str, set[str]] = {}
    for uuid, aggregate in fleet.aggregates.items():
        if any(key.startswith(_KEY_PREFIX) for key in aggregate.metadata):
            for value in aggregate.metadata.values():
                found.setdefault(value, set()).add(uuid)
    return {value: frozenset(uuids) for value, uuids in found.items()}
