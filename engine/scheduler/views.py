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

import numpy as np
import numpy.typing as npt

from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.leaf_masks import LeafMasks
from engine.scheduler.registry import Filter
from engine.scheduler.text_masks import TextMask, TextMasks
from engine.scheduler.view_arrays import ViewArrays

DEFAULT_BUDGET_BYTES = 256 * 1024 * 1024

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
        self._shapes: dict[Amounts, int] = {}
        self._shape_table = np.zeros((16, len(Amounts._fields)), dtype=np.int64)
        self._slots: dict[Hashable, _Slot] = {}
        self._last = -1
        self._turn = 0
        self._allocate()

    def _allocate(self) -> None:
        """Make empty views for the table's present size."""
        self._arrays = ViewArrays(self.table, self.chain, self.budget_bytes, self._shape_table, self.statistics)
        self.capacity = self._arrays.capacity
        self._masks = LeafMasks(self._arrays.words)
        self._slots.clear()
        self._last = -1
        self._aggregates_at = self.table.facts_revision

    def _is_outgrown(self) -> bool:
        """True when the table has more rows than the views were made for."""
        return len(self.table.journal.leaf_revision) != self._arrays.leaves

    def shape(self, amounts: Amounts) -> int:
        """Return the code of an instance's amounts in ``shapes``."""
        code = self._shapes.get(amounts)
        if code is None:
            code = self._shapes[amounts] = len(self._shapes)
            if code == len(self._shape_table):
                self._shape_table = np.concatenate([self._shape_table, np.zeros_like(self._shape_table)])
                self._arrays.put_shapes(self._shape_table)
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
        if self._is_outgrown():
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
            self._masks.drop(int(self._arrays.word_of[index]))
            del self._slots[least]
        slot = self._slots[key] = _Slot(index, request, amounts, asked, text, age, self._turn)
        self._arrays.word_of[index] = self._masks.add(text.values)
        # the scale of the class last asked for is nearly always this one's too
        self._arrays.clear(index, like=self._last)
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
            before = int(self._arrays.word_of[slot.index])
            self._arrays.word_of[slot.index], leaves = self._masks.replace(before, text.values)
            self.table.journal.note_leaves(leaves)

    def _forget(self, key: Hashable, slot: _Slot) -> None:
        """Drop a class, and move the last slot into its place, so that the slots in use stay the first ones."""
        del self._slots[key]
        self._masks.drop(int(self._arrays.word_of[slot.index]))
        self._last = -1
        last = len(self._slots)
        for item in self._slots.values():
            if item.index == last:
                self._arrays.move(last, slot.index)
                item.index = slot.index

    def place(
        self,
        slots: npt.NDArray[np.int64],
        shapes: npt.NDArray[np.int64],
        *,
        picks: int = 1,
        claim: bool,
        releases: Releases = NO_RELEASES,
        without: Rows = _NONE,
    ) -> Placed:
        """Answer requests of one instance each, strictly in order, with ``releases`` given back between them.

        If ``claim``, the best host of each is claimed before the next. Further picks are of the best one's cell. Hosts
        ``without`` do not exist for these requests; what is given back may be theirs.
        """
        if claim or len(releases.rows):
            self.table.own_usage()
        return self._run(slots, shapes, releases, without, picks, any_cell=False, claim=claim)[0]

    def leading(self, slot: int, shape: int, *, without: Rows = _NONE, picks: int = 1) -> Leading:
        """Return the best hosts of a class, of any cell, as if those of ``without`` did not exist; claims nothing."""
        slots, shapes = np.array([slot], dtype=np.int64), np.array([shape], dtype=np.int64)
        placed, ranges = self._run(slots, shapes, NO_RELEASES, without, picks, any_cell=True, claim=False)
        found = int((placed.rows[0] >= 0).sum())
        return Leading(placed.rows[0, :found], placed.weights[0, :found], int(placed.survivors[0]), *ranges)

    def passes(self, slot: int, row: int) -> bool:
        """Return whether a row passes every filter of a class, as of the last request of the class."""
        return self._arrays.passes(slot, row)

    def holders(self, slot: int, weigher: int, value: float, *, least: bool) -> Iterator[Rows]:
        """Yield rows of a class, leaf after leaf, so that whoever holds an end of a weigher's range is among them.

        ``weigher`` is a place in the chain's view_weighers, ``value`` its least or most; the ranges are as of the last
        request of the class.
        """
        yield from self._arrays.holders(slot, weigher, value, least=least)

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
        if self._is_outgrown():
            if many:
                raise RuntimeError("the table has grown since these slots were asked for: ask for them again")
            self._allocate()
        rows = np.empty((many, picks), dtype=np.int64)
        weights = np.empty((many, picks), dtype=np.float64)
        survivors = np.empty(many, dtype=np.int64)
        ranges = np.empty((2, len(self.chain.view_weighers)), dtype=np.float64)
        self._arrays.put_table(self.table, self.chain)
        if many:
            self._last = int(slots[-1])
        self.chain.kernels.place(
            self._arrays.parts.table,
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
