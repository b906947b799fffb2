"""Routed networks: a host in an aggregate of a segment of each network (nova's routed_networks_filter)."""

from __future__ import annotations

from engine.scheduler.translate.request_filters.asked import Added, Asked, no_host


def routed_networks(asked: Asked) -> Added | None:
    """Return the aggregates of the request's networks; NoValidHostError for a network without any."""
    networks = asked.request.network_aggregates
    if not networks or not asked.options.query_placement_for_routed_network_aggregates:
        return None
    if not all(networks):
        raise no_host(asked, "a routed network has no aggregates: no host is known to be on any of its segments")
    return Added(member_of=networks)
