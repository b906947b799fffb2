"""ProviderTotals: what hosts have of resource classes beyond the columns, such as shares of GPUs, and what is used."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.model.candidates import ProviderTree
from engine.model.resources import RESOURCE_CLASSES

Rows = npt.NDArray[np.int64]

_MOST_KNOWN = 100_000
"""Trees that are remembered before all are forgotten."""


class ProviderTotals:
    """Sums over hosts' provider trees; each tree that hosts have in common is looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[ProviderTree, dict[str, tuple[int, int]]]] = {}

    def of(self, fleet: Fleet, present: Rows, held: Rows) -> dict[str, tuple[int, int]]:
        """Return the capacity and the use of each class.

        Hosts in ``present`` count with all they have, those that are in ``held`` alone with what is used of them. What
        children have of the columns' own classes, and what hosts share, is not counted.
        """
        trees = fleet.devices.trees.values
        if len(trees) == 1:
            return {}
        capacity: Counter[str] = Counter()
        used: Counter[str] = Counter()
        column = fleet.columns["tree"]
        here = np.bincount(column[present], minlength=len(trees))
        there = np.bincount(column[held], minlength=len(trees))
        for code in np.flatnonzero(there).tolist():
            tree = trees[code]
            if tree is None:
                continue
            for name, (most, taken) in self._totals(tree).items():
                used[name] += int(there[code]) * taken
                capacity[name] += int(here[code]) * most + int(there[code] - here[code]) * taken
        return {name: (capacity[name], used[name]) for name in sorted(capacity)}

    def _totals(self, tree: ProviderTree) -> dict[str, tuple[int, int]]:
        known = self._known.get(id(tree))
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            # the tree is kept too, so that no other one takes its identity
            known = self._known[id(tree)] = (tree, _totals_of(tree))
        return known[1]


def _totals_of(tree: ProviderTree) -> dict[str, tuple[int, int]]:
    """Return the capacity and the use of each class that a tree has beyond the columns."""
    found: dict[str, tuple[int, int]] = {}
    for provider in tree.providers:
        taken = dict(provider.used)
        for name, item in provider.inventories:
            if name not in RESOURCE_CLASSES:
                most, used = found.get(name, (0, 0))
                room = math.floor((item.total - item.reserved) * item.allocation_ratio)
                found[name] = (most + room, used + taken.get(name, 0))
    return found
