"""Class views: what is kept of each request class so that the next request of the class looks only at what changed.

A *request class* is everything of a request that the columns do not know: amounts and text. For each class a slot
holds the hosts that pass its text filters, and for each block of hosts the number that pass every filter, each
weigher's range over them, and the exact weight and row of the best under a reference scale. The kernel re-evaluates the
blocks whose revision moved, reduces the ranges to the exact normalisation, and, where that differs from the reference,
opens blocks in order of an upper bound. A fresh view is a full scan.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.inventory.schema import BLOCK_ROWS
from engine.inventory.table import HostTable
from engine.inventory.usage import USAGE_COLUMNS, Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.static_mask import text_mask

DEFAULT_BUDGET_BYTES = 256 * 1024 * 1024
_MAX_SLOTS = 1024


@dataclass(frozen=True, slots=True)
class Placed:
    """The kernel's answer to a batch: rows and weights (requests x picks, row -1 for none), and how many passed."""

    rows: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    survivors: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Releases:
    """What is given back between a batch's requests, in order, as int64 columns.

    ``positions``: how many of the requests come before; ``rows`` and view ``shapes`` of what is given back;
    ``requests``: the request of this batch whose claim is given back (nothing if it was refused), -1 where ``rows``
    names the row.
    """

    positions: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    shapes: npt.NDArray[np.int64]
    requests: npt.NDArray[np.int64]


_NONE = np.empty(0, dtype=np.int64)
NO_RELEASES = Releases(_NONE, _NONE, _NONE, _NONE)


@dataclass(slots=True)
class _Slot:
    """A class's place in the view arrays, and the facts revision its mask was made at."""

    index: int
    request: RequestSpec
    shape: int
    facts_revision: int


class ViewStore:
    """The views of one table under one chain, within a budget of memory: the class unused for longest makes room."""

    def __init__(self, table: HostTable, chain: Chain, *, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self.table = table
        self.chain = chain
        self.budget_bytes = budget_bytes
        self.statistics = np.zeros(4, dtype=np.int64)
        """Blocks evaluated again, blocks opened under a drifted scale, scales re-based, spare."""
        self._shapes: dict[Amounts, int] = {}
        self._shape_table = np.zeros((16, len(Amounts._fields)), dtype=np.int64)
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()
        self._allocate()

    def _allocate(self) -> None:
        """Make empty views for the table's present size."""
        rows = len(self.table.columns["present"])
        blocks = self.table.blocks
        weighers = len(self.chain.view_weighers)
        bytes_per_slot = rows + blocks * (8 + 4 + 16 * weighers + 16)
        slots = max(4, min(_MAX_SLOTS, self.budget_bytes // bytes_per_slot))
        self.capacity = slots
        # numpy's zeros are not touched until used, so slots that no class needs cost no memory
        self._mask = np.zeros((slots, rows), dtype=np.uint8)
        self._seen = np.zeros((slots, blocks), dtype=np.int64)
        self._count = np.zeros((slots, blocks), dtype=np.int32)
        self._low = np.zeros((slots, weighers, blocks), dtype=np.float64)
        self._high = np.zeros((slots, weighers, blocks), dtype=np.float64)
        self._best = np.zeros((slots, blocks), dtype=np.float64)
        self._best_row = np.zeros((slots, blocks), dtype=np.int64)
        self._scales = np.zeros((slots, 4, weighers), dtype=np.float64)
        self._slacks = np.zeros(slots, dtype=np.float64)
        self._based = np.zeros(slots, dtype=np.bool_)
        self._slots.clear()
        self._rows = rows

    def shape(self, amounts: Amounts) -> int:
        """Return the code of an instance's amounts in ``shapes``."""
        code = self._shapes.get(amounts)
        if code is None:
            code = self._shapes[amounts] = len(self._shapes)
            if code == len(self._shape_table):
                self._shape_table = np.concatenate([self._shape_table, np.zeros_like(self._shape_table)])
            self._shape_table[code] = amounts
        return code

    @property
    def shapes(self) -> npt.NDArray[np.int64]:
        """int64[codes, 6]: the amounts by shape code."""
        return self._shape_table

    def slot(self, key: Hashable, request: RequestSpec, amounts: Amounts) -> int:
        """Return the slot of a request class, its mask up to date.

        ``key`` stands for all of the request that the class depends on.
        """
        if len(self.table.columns["present"]) != self._rows:
            self._allocate()
        slot = self._slots.get(key)
        if slot is None:
            slot = self._admit(key, request, amounts)
        else:
            self._slots.move_to_end(key)
        if slot.facts_revision != self.table.facts_revision:
            self._refresh(slot)
        return slot.index

    def _admit(self, key: Hashable, request: RequestSpec, amounts: Amounts) -> _Slot:
        index = len(self._slots) if len(self._slots) < self.capacity else self._slots.popitem(last=False)[1].index
        slot = self._slots[key] = _Slot(index, request, self.shape(amounts), -1)
        self._mask[index] = 0
        return slot

    def _refresh(self, slot: _Slot) -> None:
        """Make the slot's mask anew, and forget the blocks where it differs."""
        try:
            mask = text_mask(self.chain.applies(slot.request), self.table, slot.request, self.chain.options)
        except Exception:
            self._slots = OrderedDict((key, item) for key, item in self._slots.items() if item is not slot)
            self._slots_freed(slot)
            raise
        stale = (self._mask[slot.index] & 1) != mask
        if slot.facts_revision < 0:
            self._seen[slot.index] = -1
            self._based[slot.index] = False
        elif self.chain.reads_aggregates:
            # what an aggregate's metadata say of its hosts may have changed without a change of the hosts
            self._seen[slot.index] = -1
        else:
            self._seen[slot.index][stale.reshape(-1, BLOCK_ROWS).any(axis=1)] = -1
        self._mask[slot.index] = (self._mask[slot.index] & 2) | mask
        slot.facts_revision = self.table.facts_revision

    def _slots_freed(self, freed: _Slot) -> None:
        """Close the gap that a slot leaves, so that the slots in use stay the first ones."""
        last = len(self._slots)
        for item in self._slots.values():
            if item.index == last and freed.index != last:
                item.index = freed.index
                item.facts_revision = -1
                self._mask[freed.index] = 0

    def place(
        self,
        slots: npt.NDArray[np.int64],
        shapes: npt.NDArray[np.int64],
        *,
        picks: int = 1,
        claim: bool,
        releases: Releases = NO_RELEASES,
    ) -> Placed:
        """Answer requests of one instance each, strictly in order, with ``releases`` given back between them.

        If ``claim``, the best host of each is claimed before the next.
        """
        many = len(slots)
        rows = np.empty((many, picks), dtype=np.int64)
        weights = np.empty((many, picks), dtype=np.float64)
        survivors = np.empty(many, dtype=np.int64)
        table = self.table
        if claim or len(releases.rows):
            table.own(USAGE_COLUMNS)
        self.chain.kernels.place(
            slots,
            shapes,
            releases.positions,
            releases.rows,
            releases.shapes,
            releases.requests,
            picks,
            claim,
            self._shape_table,
            self.chain.option_values,
            self.chain.view_multipliers,
            self._mask,
            self._seen,
            self._count,
            self._low,
            self._high,
            self._best,
            self._best_row,
            self._scales,
            self._slacks,
            self._based,
            table.cell_of_profile,
            table.arrays["profile"],
            table.block_revision,
            table.counter,
            self.statistics,
            rows,
            weights,
            survivors,
            *self.chain.columns(table),
        )
        return Placed(rows, weights, survivors)
