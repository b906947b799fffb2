"""The first way, in nova's order, to put each guest cell on a host cell of its own, without trying all of them.

Each pair of cells is judged once; guest cells with equal needs share their verdicts. A prefix of the order is followed
only while the remaining guest cells can still be matched with the remaining host cells and these may still give what
devices and networks want. What came to nothing is remembered by how many host cells of each class were used, for
equal host cells stand for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.fitting.cell_fit import CellFit, CellLimits, CellNeeds, cell_fit, cell_needs, fitted_cell
from engine.fitting.cpu_policies import ISOLATE
from engine.fitting.host_cell_sets import HostCellSets, bits
from engine.model.numa import GuestNuma, HostCell


def first_fits(
    cells: Sequence[HostCell], guest: GuestNuma, limits: CellLimits, sets: Sequence[HostCellSets]
) -> tuple[GuestNuma | None, ...]:
    """Return for each candidate's conditions the guest fitted onto the cells, tried in their order, or None."""
    table = _Table(cells, guest, limits)
    fitted: dict[tuple[int, ...], GuestNuma | None] = {(): None}
    found: list[GuestNuma | None] = []
    for conditions in sets:
        places = _first_places(table, conditions)
        if places not in fitted:
            fitted[places] = table.fitted(places)
        found.append(fitted[places])
    return tuple(found)


def any_fits(
    cells: Sequence[HostCell], guest: GuestNuma, limits: CellLimits, sets: Sequence[HostCellSets]
) -> tuple[bool, ...]:
    """Return for each candidate's conditions whether the guest fits, without choosing its CPUs."""
    table = _Table(cells, guest, limits)
    return tuple(bool(_first_places(table, conditions)) for conditions in sets)


def guest_needs(guest: GuestNuma) -> tuple[CellNeeds, ...]:
    """Return the needs of each guest cell; isolated emulator threads lie with the first."""
    reserved = 1 if guest.emulator_threads_policy == ISOLATE else 0
    return tuple(cell_needs(cell, 0 if number else reserved) for number, cell in enumerate(guest.cells))


class _Table:
    """The verdicts of all pairs of cells, each worked out when first asked for.

    ``unconditional`` is the first way to place the guest cells were there no devices or networks, once known; empty
    where there is none.
    """

    def __init__(self, cells: Sequence[HostCell], guest: GuestNuma, limits: CellLimits) -> None:
        self.cells = cells
        self.guest = guest
        self.needs = guest_needs(guest)
        self.count = len(self.needs)
        self.alike = self.needs.count(self.needs[0]) == self.count
        self._limits = limits
        self._verdicts: dict[tuple[CellNeeds, int], CellFit] = {}
        self._rows: tuple[int, ...] | None = None
        self.unconditional: tuple[int, ...] | None = None

    def verdict(self, needs: CellNeeds, number: int) -> CellFit:
        """Return whether and how the needs are met by one of the host cells."""
        key = (needs, number)
        found = self._verdicts.get(key)
        if found is None:
            found = self._verdicts[key] = cell_fit(self.cells[number], needs, self._limits)
        return found

    def rows(self) -> tuple[int, ...]:
        """Return for each guest cell the mask of the host cells that it fits."""
        if self._rows is None:
            masks = {
                needs: sum(1 << number for number in range(len(self.cells)) if self.verdict(needs, number).fits)
                for needs in set(self.needs)
            }
            self._rows = tuple(masks[needs] for needs in self.needs)
        return self._rows

    def fitted(self, places: tuple[int, ...]) -> GuestNuma:
        """Return the guest with its cells on the host cells of these numbers."""
        cells = []
        for cell, needs, number in zip(self.guest.cells, self.needs, places, strict=True):
            sized = replace(needs, page_size_kb=self.verdict(needs, number).page_size_kb)
            cells.append(fitted_cell(cell, sized, self.cells[number]))
        return GuestNuma(tuple(cells), self.guest.emulator_threads_policy)


def _first_places(table: _Table, conditions: HostCellSets) -> tuple[int, ...]:
    """Return the number of each guest cell's host cell in the first way that suits, empty where there is none."""
    if table.unconditional is None:
        table.unconditional = _first_cells(table) if table.alike else _first_matching(table.rows())
    places = table.unconditional
    if not places or conditions.suits(sum(1 << number for number in places)):
        return places
    return _Search(table, conditions).places()


def _first_cells(table: _Table) -> tuple[int, ...]:
    """Return the first host cells that fit guest cells of equal needs, none where they are too few.

    No more pairs are judged than are needed to know.
    """
    needs = table.needs[0]
    places: list[int] = []
    for number in range(len(table.cells)):
        if len(table.cells) - number < table.count - len(places):
            break
        if table.verdict(needs, number).fits:
            places.append(number)
            if len(places) == table.count:
                return tuple(places)
    return ()


def _first_matching(rows: tuple[int, ...]) -> tuple[int, ...]:
    """Return the first host cells, one for each row, where all rows get one; none where they cannot."""
    places: list[int] = []
    used = 0
    for guest_cell, row in enumerate(rows):
        later = rows[guest_cell + 1 :]
        number = next((number for number in bits(row & ~used) if _matchable(later, used | 1 << number)), None)
        if number is None:
            return ()
        places.append(number)
        used |= 1 << number
    return tuple(places)


class _Search:
    """A walk over the ways to place guest cells in order, which leaves out what cannot come to anything."""

    def __init__(self, table: _Table, conditions: HostCellSets) -> None:
        self._rows = table.rows()
        self._conditions = conditions
        self._later = [0] * (table.count + 1)
        for number in reversed(range(table.count)):
            self._later[number] = self._later[number + 1] | self._rows[number]
        self._classes = self._class_masks()
        self._hopeless: set[tuple[int, tuple[int, ...]]] = set()

    def places(self) -> tuple[int, ...]:
        """Return the first way that suits, empty where there is none."""
        found: list[int] = []
        if self._possible(0, 0):
            self._walk(0, 0, found)
        return tuple(found)

    def _walk(self, guest_cell: int, used: int, found: list[int]) -> bool:
        """Place the guest cells from this one on, given the host cells used by those before; return whether it went."""
        if guest_cell == len(self._rows):
            return self._conditions.suits(used)
        key = (guest_cell, tuple((used & members).bit_count() for members in self._classes))
        if key in self._hopeless:
            return False
        for number in bits(self._rows[guest_cell] & ~used):
            taken = used | 1 << number
            if not self._possible(guest_cell + 1, taken):
                continue
            found.append(number)
            if self._walk(guest_cell + 1, taken, found):
                return True
            found.pop()
        self._hopeless.add(key)
        return False

    def _possible(self, guest_cell: int, used: int) -> bool:
        """Return False where the guest cells from this one on cannot be placed beside the used host cells."""
        if not _matchable(self._rows[guest_cell:], used):
            return False
        more = self._later[guest_cell] & ~used
        return self._conditions.may_suit(used, more, len(self._rows) - guest_cell)

    def _class_masks(self) -> list[int]:
        """Return masks of host cells that the guest cells fit alike and that devices and networks see alike."""
        masks: dict[object, int] = {}
        for number, value in enumerate(self._conditions.classes()):
            key = (tuple(row >> number & 1 for row in self._rows), value)
            masks[key] = masks.get(key, 0) | 1 << number
        return list(masks.values())


def _matchable(rows: Sequence[int], used: int) -> bool:
    """Return whether each row can have a bit of its own outside the used ones (augmenting paths)."""
    if len(rows) < 2:
        return all(row & ~used for row in rows)
    owner: dict[int, int] = {}

    def place(row: int, seen: list[int]) -> bool:
        free = rows[row] & ~used & ~seen[0]
        while free:
            low = free & -free
            seen[0] |= low
            if low not in owner or place(owner[low], seen):
                owner[low] = row
                return True
            free = rows[row] & ~used & ~seen[0]
        return False

    return all(place(row, [0]) for row in range(len(rows)))
