"""What text filters see of a host: the little of its facts that decides, by which hosts count as alike."""

from __future__ import annotations

from collections.abc import Hashable

from engine.scheduler.request_facts import RequestFacts


def attributes_seen(facts: RequestFacts) -> Hashable:
    """Return all that ``get_attribute`` tells by the profile alone: neither zone nor traits nor the service's state."""
    profile = facts.profile
    return (
        profile.hypervisor_type,
        profile.hypervisor_version,
        profile.cpu_info,
        profile.cell,
        profile.supported_instances,
        profile.stats,
        profile.never_reported,
    )


def metadata_seen(facts: RequestFacts) -> Hashable:
    """Return the metadata of the host's aggregates, in the aggregates' order; most racks have none."""
    return tuple(tuple(sorted(item.metadata.items())) for item in facts.aggregates if item.metadata)


def zones_seen(facts: RequestFacts) -> Hashable:
    """Return the host's own zone, and what the metadata of its aggregates say of zones."""
    named = frozenset(
        item.metadata["availability_zone"] for item in facts.aggregates if "availability_zone" in item.metadata
    )
    return facts.profile.availability_zone, named
