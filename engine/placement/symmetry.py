"""Which providers are alike in the middle of a search, so that only one of them needs to be tried.

Two providers are alike when exchanging them (where the tree's shape matters: with all that is below them) changes
nothing that a query can see. A state's code is equal for states that differ by such exchanges only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

Codes = tuple[Sequence[int], Hashable]
"""A code for each provider, equal for those that are alike, and the code of the state as a whole."""


def flat_codes(labels: Sequence[int]) -> Codes:
    """Return the codes where a provider's place in the tree does not matter, only its own label."""
    return labels, tuple(sorted(labels))


def tree_codes(parents: Sequence[int]) -> Callable[[Sequence[int]], Codes]:
    """Return a function that codes labels over a forest: parents' indices, -1 for roots, parents before children."""
    numbers: dict[Hashable, int] = {}

    def number(key: Hashable) -> int:
        return numbers.setdefault(key, len(numbers))

    def codes(labels: Sequence[int]) -> Codes:
        below: list[list[int]] = [[] for _ in parents]
        subtrees = [0] * len(parents)
        roots: list[int] = []
        for index in range(len(parents) - 1, -1, -1):
            subtrees[index] = number((labels[index], tuple(sorted(below[index]))))
            (below[parents[index]] if parents[index] >= 0 else roots).append(subtrees[index])
        # providers are alike when the subtrees met on the way from the root down to them are
        paths = [0] * len(parents)
        for index, parent in enumerate(parents):
            paths[index] = number((paths[parent] if parent >= 0 else -1, subtrees[index]))
        return paths, tuple(sorted(roots))

    return codes
