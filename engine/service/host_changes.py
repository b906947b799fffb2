"""What changed of the hosts since a watcher last looked, at a cost that goes by what changed and not by the fleet."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from engine.inventory.journal import FLOOR, POSITION, RING, Journal
from engine.inventory.schema import LEAF_ROWS
from engine.inventory.table import HostTable

_LEAF = np.arange(LEAF_ROWS, dtype=np.int64)


class HostChanges:
    """The changes of one table after a generation; each call of ``take`` returns those since the last."""

    def __init__(self, table: HostTable, after: int) -> None:
        self._table = table
        self.after = after
        """The generation up to which changes were taken."""
        self._position = -1

    @property
    def any(self) -> bool:
        """Whether anything changed since."""
        return self._table.generation > self.after

    def take(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        """Return the rows of hosts that changed, ascending, and the names of those removed and not there again."""
        table, after = self._table, self.after
        if self._position < 0:
            rows = table.present_rows()
        else:
            rows = (changed_leaves(table.journal, self._position)[:, None] * LEAF_ROWS + _LEAF).reshape(-1)
            rows = rows[table.columns["present"][rows] == 1]
        rows = rows[table.columns["generation"][rows] > after]
        first = bisect_right(table.removed, after, key=lambda item: item[0])
        gone = [host_id for _, host_id in table.removed[first:] if table.find(host_id) is None]
        self.after, self._position = table.generation, int(table.journal.counter[POSITION])
        return rows, gone


def changed_leaves(journal: Journal, since: int) -> npt.NDArray[np.int64]:
    """Return the leaves noted after a position, ascending, each once."""
    last = int(journal.counter[POSITION])
    if since < int(journal.counter[FLOOR]) or last - since > RING:
        return np.flatnonzero(journal.leaf_revision > since)
    return np.unique(journal.ring[np.arange(since + 1, last + 1) % RING]).astype(np.int64)
