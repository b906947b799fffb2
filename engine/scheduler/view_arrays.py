"""ViewArrays: what class views keep, as arrays by slot and leaf, and how they are handed to the kernel that places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inventory.schema import LEAF_ROWS
from engine.inventory.table import HostTable
from engine.scheduler.chain import Chain
from engine.scheduler.kernel_parts import KernelParts
from engine.scheduler.kernel_place import KNOWN_SCALES, place_parts
from engine.scheduler.leaf_plan import MEMO_WAYS, SUPER_LEAVES, LeafPlan

_MAX_SLOTS = 1024
_NO_SCALE = ((0.0,), (1.0,), (0.0,), (0.0,))
"""The scale of a class about which nothing is known: number 0, under which all hosts weigh the same."""


class ViewArrays:
    """The arrays of one table's views under one chain, for the table's present size, within a budget of memory."""

    def __init__(
        self,
        table: HostTable,
        chain: Chain,
        budget_bytes: int,
        shapes: npt.NDArray[np.int64],
        statistics: npt.NDArray[np.int64],
    ) -> None:
        leaf = self._leaf = LeafPlan.of_views(chain.plan)
        leaves = self.leaves = len(table.journal.leaf_revision)
        above = -(-leaves // SUPER_LEAVES)
        weighers = len(chain.view_weighers)
        bytes_per_slot = leaves * 8 * leaf.words + above * 8 * (SUPER_LEAVES + leaf.fields)
        slots = self.capacity = max(4, min(_MAX_SLOTS, budget_bytes // bytes_per_slot))
        # numpy's zeros are not touched until used, so slots that no class needs cost no memory; one mask more than
        # there are classes, for a change, each written whole before it is read
        self.words = np.empty((slots + 1, leaves), dtype=np.uint64)
        self.word_of = np.zeros(slots, dtype=np.int64)
        self._seen_at = np.zeros(slots, dtype=np.int64)
        self._totals = np.zeros(slots, dtype=np.int64)
        self._records = np.zeros((slots, leaves, leaf.words), dtype=np.float64)
        self._notes = self._records.view(np.uint64)
        self._bests = np.zeros((slots, above, SUPER_LEAVES), dtype=np.float64)
        self._supers = np.zeros((slots, above, leaf.fields), dtype=np.float64)
        self._scales = np.zeros((slots, 4, weighers), dtype=np.float64)
        self._scale_numbers = np.zeros(slots, dtype=np.int64)
        self._memo_keys = np.zeros((leaves * MEMO_WAYS, 3), dtype=np.int64)
        parts = place_parts(leaf.plan)
        self.parts = KernelParts(parts)
        named: dict[str, npt.NDArray[Any]] = {
            "shapes": shapes,
            "options": chain.option_values,
            "multipliers": chain.view_multipliers,
            "words": self.words,
            "word_of": self.word_of,
            "banned": np.zeros(leaves, dtype=np.uint64),
            "seen_at": self._seen_at,
            "totals": self._totals,
            "records": self._records,
            "notes": self._notes,
            "bests": self._bests,
            "supers": self._supers,
            "stale": np.zeros(above, dtype=np.uint64),
            "scales": self._scales,
            "scale_numbers": self._scale_numbers,
            "known_scales": np.zeros((KNOWN_SCALES, 4, weighers), dtype=np.float64),
            "known_numbers": np.zeros(KNOWN_SCALES, dtype=np.int64),
            "memo_keys": self._memo_keys,
            "memo_records": np.zeros((leaves * MEMO_WAYS, leaf.fields), dtype=np.float64),
            "memo_rows": np.zeros(leaves * MEMO_WAYS, dtype=np.uint8),
            "listed": np.zeros(leaves, dtype=np.int64),
            "touched": np.zeros(leaves, dtype=np.int64),
            "found_best": np.zeros(leaves, dtype=np.float64),
            "found_row": np.zeros(leaves, dtype=np.int64),
            "statistics": statistics,
            "leaf_revision": table.journal.leaf_revision,
            "counter": table.journal.counter,
            "ring": table.journal.ring,
        }
        self._numbers = {part.name: number for number, part in enumerate(parts)}
        for name, array in named.items():
            self.parts.put(self._numbers[name], array)
        self._columns = ("profile", *chain.plan.columns)

    def put_shapes(self, shapes: npt.NDArray[np.int64]) -> None:
        """Hand over the amounts by shape code, whose table has grown."""
        self.parts.put(self._numbers["shapes"], shapes)

    def put_table(self, table: HostTable, chain: Chain) -> None:
        """Hand over the table's arrays as they are now: a write after a snapshot is to a copy."""
        arrays, kept, number = table.arrays, self.parts.arrays, self._numbers["cells"]
        if kept[number] is not table.cell_of_profile:
            self.parts.put(number, table.cell_of_profile)
        for name in self._columns:
            number += 1
            array = arrays[name] if name in arrays else chain.column(table, name)
            if kept[number] is not array:
                self.parts.put(number, array)

    def clear(self, slot: int, *, like: int) -> None:
        """Make a slot one of which nothing is known, with the reference scale of slot ``like``, if that is one."""
        self._seen_at[slot] = -1
        self._totals[slot] = 0
        self._records[slot, :, : self._leaf.fields] = -np.inf
        self._notes[slot, :, self._leaf.fields :] = 0
        self._bests[slot] = -np.inf
        self._supers[slot] = -np.inf
        if like < 0:
            self._scales[slot] = _NO_SCALE
            self._scale_numbers[slot] = 0
        elif like != slot:
            self._scales[slot] = self._scales[like]
            self._scale_numbers[slot] = self._scale_numbers[like]

    def move(self, source: int, target: int) -> None:
        """Put a slot in another one's place."""
        for values in (
            self.word_of,
            self._seen_at,
            self._totals,
            self._records,
            self._bests,
            self._supers,
            self._scales,
            self._scale_numbers,
        ):
            values[target] = values[source]

    def passes(self, slot: int, row: int) -> bool:
        """Return whether a row passes every filter of a class, as of the last request of the class."""
        return bool((int(self._notes[slot, row // LEAF_ROWS, self._leaf.bits]) >> (row % LEAF_ROWS)) & 1)

    def holders(self, slot: int, weigher: int, value: float, *, least: bool) -> Iterator[npt.NDArray[np.int64]]:
        """Yield rows of a class, leaf after leaf, so that whoever holds an end of a weigher's range is among them."""
        field = self._leaf.least[weigher] if least else self._leaf.most[weigher]
        assert field is not None
        wanted = -value if least else value
        for above in np.flatnonzero(self._supers[slot, :, field] >= wanted).tolist():
            first = above * SUPER_LEAVES
            records = self._records[slot, first : first + SUPER_LEAVES, field]
            for leaf in (first + np.flatnonzero(records >= wanted)).tolist():
                bits = self._notes[slot, leaf, self._leaf.bits : self._leaf.bits + 1].view(np.uint8)
                yield leaf * LEAF_ROWS + np.flatnonzero(np.unpackbits(bits, bitorder="little"))
