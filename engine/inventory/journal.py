"""Journal: which rows changed since when, for those who keep something about every host and catch up on changes.

Changes are noted by leaf, 64 rows. A ring holds the leaves of the latest changes in order, so that whoever looks often
reads only what is new; ``leaf_revision`` holds the position of each leaf's last change, so that whoever looks seldom,
or after a change of many leaves at once, which is not written into the ring, compares all of them.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from engine.inventory.schema import LEAF_ROWS

Rows = npt.NDArray[np.int64]

RING = 1 << 16
"""Changes that the ring remembers."""
_MOST_AT_ONCE = 1 << 12
"""Leaves of one change that are written into the ring."""
_MOST_FACT_CHANGES = 1024

GENERATION, POSITION, FLOOR = range(3)
"""Places in ``counter``: the generation, the last position, the last one of a change that the ring does not have."""


class Journal:
    """The changes of one table; arrays, so that a kernel can write changes as well."""

    def __init__(self, leaves: int) -> None:
        self.counter = np.zeros(3, dtype=np.int64)
        self.ring = np.zeros(RING, dtype=np.int32)
        self.leaf_revision = np.zeros(leaves, dtype=np.int64)
        """int64[leaves]: the position of each leaf's last change."""
        self._fact_changes: deque[tuple[int, Rows]] = deque(maxlen=_MOST_FACT_CHANGES)

    def note_rows(self, rows: Rows) -> None:
        """Note a change of rows."""
        self.note_leaves(np.unique(rows // LEAF_ROWS))

    def note_leaves(self, leaves: npt.NDArray[np.int64]) -> None:
        """Note a change of leaves, each named once."""
        many, last = len(leaves), int(self.counter[POSITION])
        if many <= _MOST_AT_ONCE:
            positions = np.arange(last + 1, last + 1 + many)
            self.ring[positions % RING] = leaves
            self.leaf_revision[leaves] = positions
            self.counter[POSITION] = last + many
        else:
            self.leaf_revision[leaves] = last + 1
            self.counter[POSITION] = self.counter[FLOOR] = last + 1

    def note_everything(self) -> None:
        """Note a change that may concern any row."""
        self.counter[POSITION] += 1
        self.counter[FLOOR] = self.counter[POSITION]
        self.leaf_revision[:] = self.counter[POSITION]

    def note_facts(self, facts_revision: int, rows: Rows) -> None:
        """Note that the facts of these rows, and nothing else, made this facts revision of the one before."""
        self._fact_changes.append((facts_revision, rows))

    def facts_since(self, revision: int, present_revision: int) -> Rows | None:
        """Return the rows whose facts changed between two facts revisions, ascending; None where that is not known."""
        if revision == present_revision:
            return np.empty(0, dtype=np.int64)
        found = []
        for noted, rows in reversed(self._fact_changes):
            if noted <= revision:
                break
            found.append(rows)
        # a revision that nobody noted here was made by a change of aggregates or of other providers
        return np.unique(np.concatenate(found)) if len(found) == present_revision - revision else None

    def resize(self, leaves: int) -> None:
        """Make room for more leaves."""
        grown = np.zeros(leaves, dtype=np.int64)
        grown[: len(self.leaf_revision)] = self.leaf_revision
        self.leaf_revision = grown
