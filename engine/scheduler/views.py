"""Class views: what is kept of each request class so that the next request of the class looks only at what changed.

A *request class* is everything of a request that the columns do not know: amounts and text. For each class a slot
holds which hosts pass, and for each leaf of 64 hosts and each 64 leaves a record: the exact weight of the best host
under a reference scale, and each weigher's range over the hosts that pass. The kernel surveys the leaves that changed
since the class was last asked for (see engine.inventory.journal), reduces the ranges to the exact normalisation, and,
where that differs from the reference, opens leaves in order of an upper bound. A fresh view is a full scan.

What is known of a leaf is shared between classes of which the same hosts of it pass; so are masks of equal content.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inventory.schema import LEAF_ROWS
from engine.inventory.table import HostTable
from engine.inventory.usage import USAGE_COLUMNS, Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.kernel_leaf import MEMO_WAYS, SUPER_LEAVES, LeafPlan
from engine.scheduler.kernel_parts import KernelParts
from engine.scheduler.kernel_place import KNOWN_SCALES, place_parts
from engine.scheduler.leaf_masks import LeafMasks
from engine.scheduler.registry import Filter
from engine.scheduler.text_masks import TextMask, TextMasks

DEFAULT_BUDGET_BYTES = 256 * 1024 * 1024
_MAX_SLOTS = 1024

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Placed:
    """The kernel's answer to a batch: rows and weights (requests x picks, row -1 for none), and how many passed."""

    rows: Rows
    weights: npt.NDArray[np.float64]
    survivors: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Leading:
    """The best hosts of a class, best first, how many passed, and the ranges of the view's weighers over those."""

    rows: Rows
    weights: npt.NDArray[np.float64]
    survivors: int
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


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
    """A class's place in the view arrays, its text mask, and what it is worth: how often it was asked for, aged.

    ``turn`` is that of the batch it was last asked for.
    """

    index: int
    request: RequestSpec
    amounts: Amounts
    filters: tuple[Filter, ...]
    text: TextMask
    worth: int
    turn: int


class ViewStore:
    """The views of one table under one chain, within a budget of memory: the class of least worth makes room."""

    def __init__(
        self, table: HostTable, chain: Chain, texts: TextMasks, *, budget_bytes: int = DEFAULT_BUDGET_BYTES
    ) -> None:
        self.table = table
        self.chain = chain
        self.texts = texts
        self.budget_bytes = budget_bytes
        self.statistics = np.zeros(4, dtype=np.int64)
        """Leaves surveyed, leaves opened under a drifted scale, references made anew, surveys that another spared."""
        self._leaf = LeafPlan.of_views(chain.plan)
        parts = place_parts(self._leaf.plan)
        self._parts = KernelParts(parts)
        self._columns = ("profile", *chain.plan.columns)
        self._first_of_table = [part.name for part in parts].index("cells")
        self._shapes: dict[Amounts, int] = {}
        self._shape_table = np.zeros((16, len(Amounts._fields)), dtype=np.int64)
        self._slots: dict[Hashable, _Slot] = {}
        self._last = -1
        self._turn = 0
        self._allocate()

    def _allocate(self) -> None:
        """Make empty views for the table's present size."""
        leaves = len(self.table.journal.leaf_revision)
        above = -(-leaves // SUPER_LEAVES)
        weighers, fields, words = len(self.chain.view_weighers), self._leaf.fields, self._leaf.words
        bytes_per_slot = leaves * 8 * words + above * 8 * (SUPER_LEAVES + fields)
        slots = max(4, min(_MAX_SLOTS, self.budget_bytes // bytes_per_slot))
        self.capacity = slots
        # numpy's zeros are not touched until used, so slots that no class needs cost no memory
        self._masks = LeafMasks(slots, leaves)
        self._word_of = np.zeros(slots, dtype=np.int64)
        self._banned = np.zeros(leaves, dtype=np.uint64)
        self._seen_at = np.zeros(slots, dtype=np.int64)
        self._totals = np.zeros(slots, dtype=np.int64)
        self._records = np.zeros((slots, leaves, words), dtype=np.float64)
        self._notes = self._records.view(np.uint64)
        self._bests = np.zeros((slots, above, SUPER_LEAVES), dtype=np.float64)
        self._supers = np.zeros((slots, above, fields), dtype=np.float64)
        self._scales = np.zeros((slots, 4, weighers), dtype=np.float64)
        self._scale_numbers = np.zeros(slots, dtype=np.int64)
        self._known_scales = np.zeros((KNOWN_SCALES, 4, weighers), dtype=np.float64)
        self._known_numbers = np.zeros(KNOWN_SCALES, dtype=np.int64)
        self._memo_keys = np.zeros((leaves * MEMO_WAYS, 3), dtype=np.int64)
        self._memo_records = np.zeros((leaves * MEMO_WAYS, fields), dtype=np.float64)
        self._memo_rows = np.zeros(leaves * MEMO_WAYS, dtype=np.uint8)
        self._stale = np.zeros(above, dtype=np.uint64)
        self._listed, self._touched, self._found_row = (np.zeros(leaves, dtype=np.int64) for _ in range(3))
        self._found_best = np.zeros(leaves, dtype=np.float64)
        journal = self.table.journal
        arrays: tuple[npt.NDArray[Any], ...] = (
            self._shape_table,
            self.chain.option_values,
            self.chain.view_multipliers,
            self._masks.words,
            self._word_of,
            self._banned,
            self._seen_at,
            self._totals,
            self._records,
            self._notes,
            self._bests,
            self._supers,
            self._stale,
            self._scales,
            self._scale_numbers,
            self._known_scales,
            self._known_numbers,
            self._memo_keys,
            self._memo_records,
            self._memo_rows,
            self._listed,
            self._touched,
            self._found_best,
            self._found_row,
            self.statistics,
            journal.leaf_revision,
            journal.counter,
            journal.ring,
        )
        for number, array in enumerate(arrays):
            self._parts.put(number, array)
        self._slots.clear()
        self._last = -1
        self._aggregates_at = self.table.facts_revision

    def shape(self, amounts: Amounts) -> int:
        """Return the code of an instance's amounts in ``shapes``."""
        code = self._shapes.get(amounts)
        if code is None:
            code = self._shapes[amounts] = len(self._shapes)
            if code == len(self._shape_table):
                self._shape_table = np.concatenate([self._shape_table, np.zeros_like(self._shape_table)])
                self._parts.put(0, self._shape_table)
            self._shape_table[code] = amounts
        return code

    @property
    def shapes(self) -> npt.NDArray[np.int64]:
        """int64[codes, 6]: the amounts by shape code."""
        return self._shape_table

    def slot(
        self, key: Hashable, request: RequestSpec, amounts: Amounts, filters: Sequence[Filter] | None = None
    ) -> int:
        """Return the slot of a request class, its mask up to date.

        ``key`` stands for all of the request that the class depends on, and for ``filters``, of which the text filters
        make the mask; they are those that run for the request unless told.
        """
        table = self.table
        if len(table.journal.leaf_revision) != len(self._banned):
            self._allocate()
        if self._aggregates_at != table.facts_revision:
            self._aggregates_at = table.facts_revision
            if self.chain.reads_aggregates:
                # what an aggregate's metadata say of its hosts may have changed without a change of the hosts
                table.journal.note_everything()
        slot = self._slots.get(key)
        if slot is None:
            slot = self._admit(key, request, amounts, filters)
        elif slot.text.revision != table.facts_revision:
            self._refresh(key, slot)
        slot.worth += 1
        slot.turn = self._turn
        return slot.index

    def _admit(self, key: Hashable, request: RequestSpec, amounts: Amounts, filters: Sequence[Filter] | None) -> _Slot:
        """Make an empty view of a class, in the place of the one of least worth where there is no room."""
        asked = self.chain.applies(request) if filters is None else tuple(filters)
        text = self.texts.mask(asked, request, amounts)
        if len(self._slots) < self.capacity:
            index, age = len(self._slots), 0
        else:
            # least frequently used, with ageing: who comes new is worth as much as whoever made room
            least = min(self._slots, key=lambda item: (self._slots[item].turn == self._turn, self._slots[item].worth))
            index, age = self._slots[least].index, self._slots[least].worth
            self._masks.drop(int(self._word_of[index]))
            del self._slots[least]
        slot = self._slots[key] = _Slot(index, request, amounts, asked, text, age, self._turn)
        self._word_of[index] = self._masks.add(text.values)
        self._seen_at[index] = -1
        self._totals[index] = 0
        self._records[index, :, : self._leaf.fields] = -np.inf
        self._notes[index, :, self._leaf.fields :] = 0
        self._bests[index] = -np.inf
        self._supers[index] = -np.inf
        if self._last < 0:
            self._scales[index] = [[0.0], [1.0], [0.0], [0.0]]
            self._scale_numbers[index] = 0
        elif self._last != index:
            # the scale of the class last asked for is nearly always this one's too
            self._scales[index] = self._scales[self._last]
            self._scale_numbers[index] = self._scale_numbers[self._last]
        return slot

    def _refresh(self, key: Hashable, slot: _Slot) -> None:
        """Bring a slot's mask up to the table's facts, and note the leaves where it differs as changed."""
        try:
            text, rows = self.texts.refreshed(slot.text, slot.filters, slot.request, slot.amounts)
        except Exception:
            self._forget(key, slot)
            raise
        slot.text = text
        if rows is None or len(rows):
            before = int(self._word_of[slot.index])
            self._word_of[slot.index], leaves = self._masks.replace(before, text.values)
            self.table.journal.note_leaves(leaves)

    def _forget(self, key: Hashable, slot: _Slot) -> None:
        """Drop a class, and move the last slot into its place, so that the slots in use stay the first ones."""
        del self._slots[key]
        self._masks.drop(int(self._word_of[slot.index]))
        self._last = -1
        last = len(self._slots)
        for item in self._slots.values():
            if item.index == last:
                for values in (
                    self._word_of,
                    self._seen_at,
                    self._totals,
                    self._records,
                    self._bests,
                    self._supers,
                    self._scales,
                    self._scale_numbers,
                ):
                    values[slot.index] = values[last]
                item.index = slot.index

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

        If ``claim``, the best host of each is claimed before the next. Further picks are of the best one's cell.
        """
        if claim or len(releases.rows):
            self.table.own(USAGE_COLUMNS)
        return self._run(slots, shapes, releases, _NONE, picks, any_cell=False, claim=claim)[0]

    def leading(self, slot: int, shape: int, *, without: Rows = _NONE, picks: int = 1) -> Leading:
        """Return the best hosts of a class, of any cell, as if those of ``without`` did not exist; claims nothing."""
        slots, shapes = np.array([slot], dtype=np.int64), np.array([shape], dtype=np.int64)
        placed, ranges = self._run(slots, shapes, NO_RELEASES, without, picks, any_cell=True, claim=False)
        found = int((placed.rows[0] >= 0).sum())
        return Leading(placed.rows[0, :found], placed.weights[0, :found], int(placed.survivors[0]), *ranges)

    def passes(self, slot: int, row: int) -> bool:
        """Return whether a row passes every filter of a class, as of the last request of the class."""
        return bool((int(self._notes[slot, row // LEAF_ROWS, self._leaf.bits]) >> (row % LEAF_ROWS)) & 1)

    def holders(self, slot: int, weigher: int, value: float, *, least: bool) -> Iterator[Rows]:
        """Yield rows of a class, leaf after leaf, so that whoever holds an end of a weigher's range is among them.

        ``weigher`` is a place in the chain's view_weighers, ``value`` its least or most; the ranges are as of the last
        request of the class.
        """
        field = self._leaf.least[weigher] if least else self._leaf.most[weigher]
        assert field is not None
        wanted = -value if least else value
        for above in np.flatnonzero(self._supers[slot, :, field] >= wanted).tolist():
            first = above * SUPER_LEAVES
            records = self._records[slot, first : first + SUPER_LEAVES, field]
            for leaf in (first + np.flatnonzero(records >= wanted)).tolist():
                bits = self._notes[slot, leaf, self._leaf.bits : self._leaf.bits + 1].view(np.uint8)
                yield leaf * LEAF_ROWS + np.flatnonzero(np.unpackbits(bits, bitorder="little"))

    def _run(
        self,
        slots: npt.NDArray[np.int64],
        shapes: npt.NDArray[np.int64],
        releases: Releases,
        without: Rows,
        picks: int,
        *,
        any_cell: bool,
        claim: bool,
    ) -> tuple[Placed, npt.NDArray[np.float64]]:
        self._turn += 1
        many = len(slots)
        rows = np.empty((many, picks), dtype=np.int64)
        weights = np.empty((many, picks), dtype=np.float64)
        survivors = np.empty(many, dtype=np.int64)
        ranges = np.empty((2, self._scales.shape[2]), dtype=np.float64)
        self._put_columns()
        if many:
            self._last = int(slots[-1])
        self.chain.kernels.place(
            self._parts.table,
            slots,
            shapes,
            releases.positions,
            releases.rows,
            releases.shapes,
            releases.requests,
            without,
            picks,
            any_cell,
            claim,
            rows,
            weights,
            survivors,
            ranges,
        )
        return Placed(rows, weights, survivors), ranges

    def _put_columns(self) -> None:
        """Hand over the table's arrays as they are now: a write after a snapshot is to a copy."""
        table, parts = self.table, self._parts
        arrays, kept, number = table.arrays, parts.arrays, self._first_of_table
        if kept[number] is not table.cell_of_profile:
            parts.put(number, table.cell_of_profile)
        for name in self._columns:
            number += 1
            array = arrays[name] if name in arrays else self.chain.column(table, name)
            if kept[number] is not array:
                parts.put(number, array)
