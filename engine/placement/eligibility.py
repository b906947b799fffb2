"""Which provider may serve a request group, looked at alone: amounts, traits, aggregates, tree.

Source: placement/objects/research_context.py (get_provider_ids_matching for a group that one provider serves,
get_trees_matching_all for the group that may be spread) and placement/objects/allocation_candidate.py.
"""

from __future__ import annotations

from engine.model.candidates import CandidateQuery, Provider, RequestGroup
from engine.model.resources import ResourceInventory
from engine.placement.capacity import takes

Stock = dict[str, tuple[ResourceInventory, int]]
"""A provider's inventory and usage by resource class."""


def root_allows(root: Provider, query: CandidateQuery) -> bool:
    """Return whether a tree's root has the traits that the query wants of roots, and none that it forbids."""
    return query.root_required <= root.traits and not query.root_forbidden & root.traits


def serves_alone(provider: Provider, stock: Stock, home: str, group: RequestGroup, *, quirks: bool) -> bool:
    """Return whether one provider can give all that a group wants; ``home`` is the uuid of its own tree's root.

    The provider itself must be in the aggregates: that its root is does not count here. ``group.in_tree`` must be a
    root's uuid. placement overlooks in_tree for a group without resources, and finds nobody for one that neither
    requires traits nor aggregates; so does this with ``quirks``.
    """
    if group.resources:
        if not all(name in stock and takes(*stock[name], amount) for name, amount in group.resources):
            return False
    elif quirks and not (group.required or group.any_of or group.member_of):
        return False
    if group.in_tree and home != group.in_tree and not (quirks and not group.resources):
        return False
    return (
        group.required <= provider.traits
        and not group.forbidden & provider.traits
        and all(traits & provider.traits for traits in group.any_of)
        and in_aggregates(provider, group)
        and not group.forbidden_aggregates & provider.aggregates
    )


def may_contribute(provider: Provider, root: Provider, group: RequestGroup, *, own: bool) -> bool:
    """Return whether a provider may give part of the spread group to the tree of ``root``; amounts are not looked at.

    ``own`` says that it belongs to that tree; otherwise it shares. An aggregate of the root counts for the whole tree,
    but a sharing provider must be in the required aggregates itself, and never serves a group bound to a tree. The
    group's required traits are its contributors' together, so they are not looked at either.
    """
    if group.in_tree and not (own and root.uuid == group.in_tree):
        return False
    if group.member_of and not (in_aggregates(provider, group) or (own and in_aggregates(root, group))):
        return False
    if group.forbidden_aggregates & (provider.aggregates | root.aggregates):
        return False
    return not group.forbidden & provider.traits


def in_aggregates(provider: Provider, group: RequestGroup) -> bool:
    """Return whether a provider is in one aggregate of each set that a group requires."""
    return all(aggregates & provider.aggregates for aggregates in group.member_of)
