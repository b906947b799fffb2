"""Provider trees in an order drawn by chance, so that the first candidate of one is any of them.

placement's option randomize_allocation_candidates shuffles the candidates of a request; nova then takes the first of
the host that it has chosen.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from engine.model.candidates import Provider, ProviderTree


def shuffled(providers: Sequence[Provider], chance: random.Random) -> tuple[Provider, ...]:
    """Return providers in an order drawn by chance."""
    drawn = list(providers)
    chance.shuffle(drawn)
    return tuple(drawn)


def shuffled_tree(tree: ProviderTree, chance: random.Random) -> ProviderTree:
    """Return a tree of which the providers under each other are in an order drawn by chance: the root stays first."""
    under: dict[str, list[Provider]] = {}
    for provider in shuffled(tree.providers[1:], chance):
        under.setdefault(provider.parent, []).append(provider)
    ordered = [tree.root]
    for provider in ordered:
        ordered += under.get(provider.uuid, [])
    return ProviderTree(tuple(ordered))
