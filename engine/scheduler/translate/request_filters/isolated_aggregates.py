"""Isolated aggregates: those kept for guests that require certain traits (nova's isolate_aggregates)."""

from __future__ import annotations

from engine.inventory.fleet import Fleet
from engine.scheduler.translate.groups import groups_of
from engine.scheduler.translate.request_filters.asked import Added, Asked

_PREFIX = "trait:"


def isolated_aggregates(asked: Asked) -> Added | None:
    """Return the aggregates that demand a trait which no group of the request requires."""
    if not asked.options.enable_isolated_aggregate_filtering:
        return None
    demanding = asked.fleet.of_facts("isolated aggregates", lambda: _demands(asked.fleet))
    required = groups_of(asked.request, asked.guest).required_traits | asked.request.required_traits
    keys = {_PREFIX + trait for trait in required}
    return Added(forbidden_aggregates=frozenset(uuid for uuid, demands in demanding.items() if not demands <= keys))


def _demands(fleet: Fleet) -> dict[str, frozenset[str]]:
    """Return the ``trait:X`` keys with the value ``required`` of each aggregate that has such.

    The prefix counts in any case, as nova's database compares it.
    """
    demands = {
        uuid: frozenset(
            key for key, value in aggregate.metadata.items() if value == "required" and key.lower().startswith(_PREFIX)
        )
        for uuid, aggregate in fleet.aggregates.items()
    }
    return {uuid: keys for uuid, keys in demands.items() if keys}
