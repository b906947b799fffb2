"""nova's own search for host cells, answered as nova answers, without trying all permutations.

nova remembers which (host cell, guest cell) pairs fit, by their ids, but putting a guest cell on a host cell sets the
guest cell's id, page size and CPUs for good. So one guest cell inherits what was learnt about another, and CPUs can be
those of a host cell that the guest cell left again. Here the same steps are made on the same memory; permutations that
could not change it any more are left out. It changes at most once for each pair of ids, so there are few steps that
matter, and what a run of other steps does is a function of the host cells in use and the ids of the cells to come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import perm

from engine.fitting.cell_fit import PINNED_POLICIES, CellLimits, CellNeeds, cell_fit, fitted_cell
from engine.fitting.host_cell_sets import HostCellSets
from engine.fitting.numa_exact import any_fits, first_fits, guest_needs
from engine.model.numa import ANY_PAGES, GuestCell, GuestNuma, HostCell

FEW = 100
"""Up to so many permutations, trying them is cheaper than to foresee that none can do."""

MOST_STEPS = 100_000
"""A search with more steps that could matter has no answer from nova either: it takes nova minutes, and its callers
wait for one. The exact answer is given then."""

FOUND = -1
EXHAUSTED = -2
"""How a walk ended, unless at a guest cell whose place fell away."""


def replayed_fits(
    cells: Sequence[HostCell], guest: GuestNuma, limits: CellLimits, sets: Sequence[HostCellSets]
) -> tuple[GuestNuma | None, ...]:
    """Return for each candidate's conditions, one after another, the guest as nova fits it, or None."""
    try:
        return tuple(
            GuestNuma(tuple(one.fitted() for one in asked), guest.emulator_threads_policy) if asked else None
            for asked in _replayed(cells, guest, limits, sets)
        )
    except _TooManyStepsError:
        return first_fits(cells, guest, limits, sets)


def any_replayed_fits(
    cells: Sequence[HostCell], guest: GuestNuma, limits: CellLimits, sets: Sequence[HostCellSets]
) -> tuple[bool, ...]:
    """Return for each candidate's conditions, one after another, whether nova fits the guest, CPUs left out."""
    try:
        return tuple(bool(asked) for asked in _replayed(cells, guest, limits, sets))
    except _TooManyStepsError:
        return any_fits(cells, guest, limits, sets)


def _replayed(
    cells: Sequence[HostCell], guest: GuestNuma, limits: CellLimits, sets: Sequence[HostCellSets]
) -> Iterator[list[_Asked]]:
    """Yield for each candidate's conditions the guest cells as they lie after it, none where they do not fit.

    Where there are many ways, the last conditions that could suit end the work: no one looks at the guest cells then.
    """
    count = len(guest.cells)
    if perm(len(cells), count) <= FEW or _may_stop_nova(cells, guest):
        open_sets = [True] * len(sets)
    else:
        usable = _usable_cells(cells, guest, limits)
        open_sets = [usable.bit_count() >= count and conditions.may_suit(0, usable, count) for conditions in sets]
    asked = [_Asked(cell, needs) for cell, needs in zip(guest.cells, guest_needs(guest), strict=True)]
    for number, conditions in enumerate(sets):
        if any(open_sets[number:]):
            last = not any(open_sets[number + 1 :])
            went = _Replay(cells, asked, limits, conditions, last=last).went()
        yield asked if open_sets[number] and went else []


def _may_stop_nova(cells: Sequence[HostCell], guest: GuestNuma) -> bool:
    """Return whether nova may come to choose cores in a cell that lists no sibling sets, which ends its search."""
    pinned = any(cell.cpu_policy in PINNED_POLICIES for cell in guest.cells)
    return pinned and not all(cell.siblings for cell in cells)


def _usable_cells(cells: Sequence[HostCell], guest: GuestNuma, limits: CellLimits) -> int:
    """Return the mask of the host cells that fit any of the guest cells; nova cannot be misled onto others.

    A page size once found counts as asked for on the next host cell, so any size is allowed for here.
    """
    eased = {
        replace(needs, reserved=0, page_size_kb=ANY_PAGES if (needs.page_size_kb or 0) < 0 else needs.page_size_kb)
        for needs in guest_needs(guest)
    }
    return sum(
        1 << number for number, cell in enumerate(cells) if any(cell_fit(cell, needs, limits).fits for needs in eased)
    )


class _Asked:
    """A guest cell while nova works on it: its id and page size, and the host cell whose CPUs it has, as last set."""

    def __init__(self, cell: GuestCell, needs: CellNeeds) -> None:
        self._cell = cell
        self.needs = needs
        self.cell_id = cell.cell_id if cell.host_cell is None else cell.host_cell
        self.packed_on: HostCell | None = None

    def fitted(self) -> GuestCell:
        """Return the guest cell as it now lies."""
        cell = self._cell if self.packed_on is None else fitted_cell(self._cell, self.needs, self.packed_on)
        return replace(cell, host_cell=self.cell_id, page_size_kb=self.needs.page_size_kb)


class _TooManyStepsError(Exception):
    """The search is one that nova would not end before its caller stops waiting."""


class _Replay:
    """One search of nova's, over guest cells that keep what it does to them.

    With ``last`` the ids in which it leaves the guest cells do not matter, if it finds nothing.
    """

    def __init__(
        self,
        cells: Sequence[HostCell],
        asked: list[_Asked],
        limits: CellLimits,
        conditions: HostCellSets,
        *,
        last: bool,
    ) -> None:
        self._cells = cells
        self._asked = asked
        self._limits = limits
        self._conditions = conditions
        self._judged: dict[tuple[int, int], bool] = {}
        self._steady = 0
        self._last = last
        self._steps = 0
        self._outcomes: dict[tuple[object, ...], tuple[int, ...]] = {}
        self._names: dict[int, object] = {}

    def went(self) -> bool:
        """Return whether the guest fits."""
        return self._walk([], 0, 0) == FOUND

    def _walk(self, places: list[int], used: int, skipped: int) -> int:
        """Try all permutations that begin with these host cells but the first ``skipped``; return how that ended.

        A result from 0 says at which guest cell the host cell put first no longer counts as fitting.
        """
        depth = len(places)
        if depth == len(self._asked):
            return FOUND if self._conditions.suits(used) else EXHAUSTED
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise _TooManyStepsError
        key = (used, *(self._name(one.cell_id) for one in self._asked[depth:]))
        repeatable = self._steady >= depth and not skipped
        if repeatable and key in self._outcomes:
            for one, cell_id in zip(self._asked[depth:], self._outcomes[key], strict=True):
                one.cell_id = cell_id
            self._steady = depth
            return EXHAUSTED
        judged = len(self._judged)
        size = perm(len(self._cells) - depth - 1, len(self._asked) - depth - 1)
        begun = False
        for number, cell in enumerate(self._cells):
            if used >> number & 1:
                continue
            if skipped >= size:
                skipped -= size
                continue
            lost = self._again(places) if begun else None
            begun = True
            while lost is None and not self._judge(depth, cell):
                skipped += 1
                if skipped >= size:
                    break
                lost = self._again(places)
                if self._judged.get((cell.cell_id, self._asked[depth].cell_id)) is False:
                    skipped = size
                    break
            if lost is not None:
                return lost
            if skipped < size:
                self._steady = min(self._steady, depth)
                ended = self._walk([*places, number], used | 1 << number, skipped)
                if ended not in (EXHAUSTED, depth):
                    return ended
            skipped = 0
        if repeatable and len(self._judged) == judged:
            self._outcomes[key] = self._ids(depth)
        return EXHAUSTED

    def _ids(self, depth: int) -> tuple[int, ...]:
        """Return the ids of the guest cells from this one on."""
        return tuple(one.cell_id for one in self._asked[depth:])

    def _name(self, cell_id: int) -> object:
        """Return what stands for a guest cell's id: all that is known of it, where that is known for all host cells."""
        if not self._last:
            return cell_id
        name = self._names.get(cell_id)
        if name is None:
            known = tuple(self._judged.get((cell.cell_id, cell_id)) for cell in self._cells)
            name = self._names[cell_id] = cell_id if None in known else known
        return name

    def _again(self, places: list[int]) -> int | None:
        """Go over the host cells in use once more, as each permutation does; return where one no longer fits."""
        for depth in range(self._steady, len(places)):
            if not self._judge(depth, self._cells[places[depth]]):
                return depth
            self._steady = depth + 1
        return None

    def _judge(self, depth: int, host: HostCell) -> bool:
        """Return whether the guest cell counts as fitting the host cell, and put it there if so."""
        one = self._asked[depth]
        key = (host.cell_id, one.cell_id)
        known = self._judged.get(key)
        if known is None:
            found = cell_fit(host, one.needs, self._limits, quirks=True)
            if found.page_size_kb is not None:
                one.needs = replace(one.needs, page_size_kb=found.page_size_kb)
            if found.packs:
                one.packed_on = host
                one.cell_id = host.cell_id
            known = self._judged[key] = found.fits
            self._outcomes.clear()
            self._names.clear()
        if known:
            one.cell_id = host.cell_id
        return known
