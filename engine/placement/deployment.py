"""All resource providers of a deployment, and which of them may serve one tree together (its anchor).

Source: placement/objects/research_context.py (sharing providers, their anchors, whether there are trees at all).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.model.candidates import SHARES, Provider, ProviderTree


@dataclass(frozen=True, slots=True)
class Anchor:
    """A tree and the sharing providers from elsewhere that are in an aggregate with any of its providers.

    ``sharing_roots`` are the uuids of the roots of the trees that the sharing providers themselves are in,
    ``sharing_parents`` those of their nearest ancestors among the sharing providers, empty for none.
    """

    tree: ProviderTree
    sharing: tuple[Provider, ...] = ()
    sharing_roots: tuple[str, ...] = ()
    sharing_parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deployment:
    """All provider trees; a provider without relatives is a tree of one. Sharing providers have the SHARES trait."""

    trees: tuple[ProviderTree, ...]

    @property
    def has_trees(self) -> bool:
        """Whether any provider has a parent."""
        return any(len(tree.providers) > 1 for tree in self.trees)

    @property
    def has_trees_or_sharing(self) -> bool:
        """Whether the unsuffixed group may be spread: one parent or one sharing provider anywhere is enough."""
        return self.has_trees or any(SHARES in provider.traits for tree in self.trees for provider in tree.providers)


def deployment_of(providers: Iterable[Provider]) -> Deployment:
    """Return loose providers as trees, in the order of their roots; a parent must come before its children."""
    members: dict[str, list[Provider]] = {}
    root_of: dict[str, str] = {}
    for provider in providers:
        root = root_of[provider.parent] if provider.parent else provider.uuid
        root_of[provider.uuid] = root
        members.setdefault(root, []).append(provider)
    return Deployment(tuple(ProviderTree(tuple(tree)) for tree in members.values()))


def root_uuids(deployment: Deployment) -> dict[str, str]:
    """Return the uuid of each provider's root."""
    return {provider.uuid: tree.root.uuid for tree in deployment.trees for provider in tree.providers}


def anchored(tree: ProviderTree, sharing: Sequence[Provider]) -> tuple[Provider, ...]:
    """Return the sharing providers, none of the tree's own, that are in an aggregate with any provider of the tree."""
    if not sharing:
        return ()
    aggregates = frozenset().union(*(provider.aggregates for provider in tree.providers))
    own = {provider.uuid for provider in tree.providers}
    return tuple(item for item in sharing if item.aggregates & aggregates and item.uuid not in own)


def anchors(deployment: Deployment) -> tuple[Anchor, ...]:
    """Return every tree with the sharing providers that serve it, in the deployment's order."""
    roots = root_uuids(deployment)
    sharing = [item for tree in deployment.trees for item in tree.providers if SHARES in item.traits]
    parents = {provider.uuid: provider.parent for tree in deployment.trees for provider in tree.providers}
    found = []
    for tree in deployment.trees:
        serving = anchored(tree, sharing)
        found.append(
            Anchor(
                tree,
                serving,
                tuple(roots[item.uuid] for item in serving),
                tuple(_nearest(item.parent, parents, {other.uuid for other in serving}) for item in serving),
            )
        )
    return tuple(found)


def _nearest(uuid: str, parents: Mapping[str, str], wanted: Collection[str]) -> str:
    """Return the first of a provider and its ancestors that is wanted, or nothing."""
    while uuid and uuid not in wanted:
        uuid = parents[uuid]
    return uuid
