"""What placement says of the providers behind candidates: their capacity, usage, traits and place in the tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.model.candidates import Candidate
from engine.placement.candidates import LATEST, NESTED
from engine.placement.capacity import stock, whole_capacity
from engine.placement.deployment import Deployment, root_uuids


@dataclass(frozen=True, slots=True)
class ProviderSummary:
    """One provider: capacity and usage by resource class, sorted; ``parent`` is empty for a root."""

    uuid: str
    resources: tuple[tuple[str, int, int], ...]
    traits: frozenset[str]
    parent: str
    root: str


def provider_summaries(
    deployment: Deployment, found: Iterable[Candidate], *, microversion: tuple[int, int] = LATEST
) -> tuple[ProviderSummary, ...]:
    """Return a summary of each provider of each tree that a candidate takes from, in the deployment's order.

    Before the microversion that knows trees, of the providers that candidates take from only, once there are trees.
    """
    roots = root_uuids(deployment)
    taken = {uuid for candidate in found for uuid, _ in candidate.allocations}
    trees = {roots[uuid] for uuid in taken}
    alone = microversion < NESTED and deployment.has_trees
    return tuple(
        ProviderSummary(
            provider.uuid,
            tuple((name, whole_capacity(held), used) for name, (held, used) in sorted(stock(provider).items())),
            provider.traits,
            provider.parent,
            tree.root.uuid,
        )
        for tree in deployment.trees
        if tree.root.uuid in trees
        for provider in tree.providers
        if not alone or provider.uuid in taken
    )
