"""Held: which instances each host holds at one moment, grouped once so that each group of hosts is a few slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.whatif.workload import NO_GROUP
from engine.whatif.world import World

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Held:
    """The instances that hold something: those of row r are ``instances[starts[r]:starts[r + 1]]``, the oldest first.

    ``codes`` int32 and ``rows`` int64 are theirs; ``counts`` int64 is how many each row holds. ``ranks`` are by the
    world's number: the place among all when the largest come first.
    """

    instances: Numbers
    codes: npt.NDArray[np.int32]
    rows: Numbers
    starts: Numbers
    ranks: Numbers

    @property
    def counts(self) -> Numbers:
        """How many instances each row holds."""
        return np.diff(self.starts)

    def on_rows(self, rows: Numbers) -> Numbers:
        """Return the instances on rows, the oldest first."""
        if len(rows) == 1:
            return self.instances[self.starts[rows[0]] : self.starts[rows[0] + 1]]
        parts = [
            self.instances[self.starts[row] : self.starts[row + 1]] for row in rows[self.counts[rows] > 0].tolist()
        ]
        return np.sort(np.concatenate(parts)) if parts else self.instances[:0]

    def largest_first(self, instances: Numbers) -> Numbers:
        """Return instances in the order of their size, the largest first and the older first of equals."""
        return instances[np.argsort(self.ranks[instances], kind="stable")]


def held_in(world: World) -> Held:
    """Return what every host of a world holds.

    The larger of two instances is the one of more memory, then of more vCPUs, then of more disk: memory is what most
    fleets run out of first.
    """
    there = np.flatnonzero(world.rows >= 0)
    rows = world.rows[there].astype(np.int64)
    order = np.argsort(rows, kind="stable")
    instances, rows = there[order], rows[order]
    codes = world.codes[instances]
    starts = np.searchsorted(rows, np.arange(world.table.rows + 1)).astype(np.int64)
    used = np.unique(codes)
    amounts = np.array([world.amounts(code) for code in used.tolist()], dtype=np.int64).reshape(len(used), 6)
    sizes = amounts[np.searchsorted(used, codes)]
    largest = np.lexsort((instances, -sizes[:, 2], -sizes[:, 0], -sizes[:, 1]))
    ranks = np.full(len(world.rows), len(instances), dtype=np.int64)
    ranks[instances[largest]] = np.arange(len(instances))
    return Held(instances, codes, rows, starts, ranks)


def is_alone_plain(world: World, held: Held) -> npt.NDArray[np.bool_]:
    """Return, for each held instance, whether amounts and facts alone decide which hosts may take it."""
    used = np.unique(held.codes)
    plain = np.array([world.is_plain(code) for code in used.tolist()], dtype=np.bool_)
    grouped = world.instances.groups[held.instances] != NO_GROUP
    return np.asarray(plain[np.searchsorted(used, held.codes)] & ~grouped) if len(used) else grouped
