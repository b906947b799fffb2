"""Providers, trees and queries for tests, written shortly."""

from __future__ import annotations

from engine.model.candidates import CandidateQuery, Provider, ProviderTree, RequestGroup
from engine.model.resources import ResourceInventory


def provider(
    uuid: str,
    parent: str = "",
    traits: str = "",
    aggregates: str = "",
    used: dict[str, int] | None = None,
    **inventories: int | ResourceInventory,
) -> Provider:
    """Return a provider; traits and aggregates are words, an inventory may be its total."""
    held = {
        name: item if isinstance(item, ResourceInventory) else ResourceInventory(item)
        for name, item in inventories.items()
    }
    return Provider(
        uuid,
        uuid,
        parent,
        tuple(sorted(held.items())),
        frozenset(traits.split()),
        frozenset(aggregates.split()),
        tuple(sorted((used or {}).items())),
    )


def tree(*providers: Provider) -> ProviderTree:
    """Return a tree; the root first, parents before children."""
    return ProviderTree(providers)


def group(suffix: str = "", **wanted: object) -> RequestGroup:
    """Return a group; upper-case names are amounts, ``required`` and ``forbidden`` words, the rest as it is."""
    amounts = tuple(sorted((name, amount) for name, amount in wanted.items() if name.isupper()))
    words = {name: frozenset(str(wanted[name]).split()) for name in ("required", "forbidden") if name in wanted}
    rest = {name: value for name, value in wanted.items() if not name.isupper() and name not in words}
    return RequestGroup(suffix=suffix, resources=amounts, **words, **rest)  # type: ignore[arg-type]


def query(*groups: RequestGroup, policy: str = "none", **rest: object) -> CandidateQuery:
    """Return a query; the group policy is ``none`` unless given."""
    return CandidateQuery(groups, group_policy=policy, **rest)  # type: ignore[arg-type]
