"""Cheap conditions without which a guest cannot fit a host's NUMA cells, for many hosts at once.

A host's room is a row of whole numbers, a guest's needs are one of the same shape; where any need is above the room,
``fit`` has no answer. Most hosts that are too full are told by that, and only the others are fitted exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from engine.fitting.cell_fit import PINNED_POLICIES, SHARED_POLICIES, CellNeeds
from engine.fitting.cpu_policies import REQUIRE, has_threads
from engine.fitting.numa_exact import guest_needs
from engine.fitting.pages import KIB_PER_MIB, smallest_pages
from engine.model.numa import GuestNuma, HostCell, HostNuma

Room = tuple[int, ...]
"""What a host has, and just so what a guest needs; see ``ROOM_WIDTH`` and ``room``."""

RANKS = 4
"""How many cells are looked at for each measure, those with most of it."""

NAMED_SIZES_KB = (4, 2048, 1048576)
"""Page sizes with a measure of their own."""

MEASURES = 6 + len(NAMED_SIZES_KB)
ROOM_WIDTH = 2 + MEASURES * RANKS

UNBOUNDED = 1 << 62
ABSENT = -1
"""The measure of a cell that is not there, below any need of a cell; and no need at all."""


def room(host: HostNuma | None, *, quirks: bool = False) -> Room:
    """Return the number of cells, the number of free pinnable CPUs, and each measure of the best cells, best first.

    Measures: free pinnable CPUs, those on cells with hardware threads, shared CPUs, KiB for pinned and for shared
    memory without a page size, KiB of the freest page size, KiB free in each named page size. No cells for a host
    without NUMA. With ``quirks`` a host that lists no sibling sets, on which nova breaks down, has room for anything.
    """
    cells = host.cells if host is not None else ()
    if quirks and not all(cell.siblings for cell in cells):
        return (UNBOUNDED,) * ROOM_WIDTH
    return _row([_cell_room(cell) for cell in cells])


def needs(guest: GuestNuma, *, quirks: bool = False) -> Room:
    """Return what a host must at least have for the guest, in the order of ``room``.

    With ``quirks`` every cell counts as the least of them, for nova may take one guest cell for another.
    """
    asked = guest_needs(guest)
    rows = [_cell_needs(one, quirks=quirks) for one in asked]
    if quirks:
        least = tuple(min(column) for column in zip(*rows, strict=True))
        rows = [least] * len(rows)
    return _row(rows)


def may_fit(rooms: npt.NDArray[np.int64], needed: Room) -> npt.NDArray[np.bool_]:
    """Return for each row of ``rooms``, shaped (hosts, ROOM_WIDTH), whether no need is above it."""
    wanted = np.asarray(needed, dtype=np.int64)
    needed_columns = np.flatnonzero(wanted > 0)
    found: npt.NDArray[np.bool_] = np.all(rooms[:, needed_columns] >= wanted[needed_columns], axis=1)
    return found


def _cell_room(cell: HostCell) -> tuple[int, ...]:
    """Return the measures of one host cell."""
    free = len(cell.free_pinnable_cpus)
    shared = len(cell.cpus)
    smallest = smallest_pages(cell)
    if smallest is None:
        pinned_kb = (cell.memory_mb - cell.memory_usage_mb) * KIB_PER_MIB
        shared_kb = cell.memory_mb * KIB_PER_MIB
    else:
        pinned_kb = smallest.free * smallest.size_kb
        shared_kb = smallest.total * smallest.size_kb
    free_kb = {pages.size_kb: pages.free * pages.size_kb for pages in reversed(cell.pages)}
    return (
        free,
        free if has_threads(cell.siblings) else 0,
        shared,
        pinned_kb,
        shared_kb,
        max(free_kb.values(), default=0),
        *(free_kb.get(size, 0) for size in NAMED_SIZES_KB),
    )


def _cell_needs(asked: CellNeeds, *, quirks: bool) -> tuple[int, ...]:
    """Return the measures that one guest cell needs; with ``quirks`` its emulator threads count for nothing."""
    pinned = asked.policy in PINNED_POLICIES
    cpus = asked.dedicated + (0 if quirks else asked.reserved) if pinned else 0
    shared = asked.shared if asked.policy in SHARED_POLICIES else 0
    memory_kb = asked.memory_mb * KIB_PER_MIB
    size = asked.page_size_kb
    return (
        cpus,
        cpus if asked.thread_policy == REQUIRE else 0,
        shared,
        memory_kb if pinned and not size else 0,
        memory_kb if not pinned and not size else 0,
        memory_kb if size else 0,
        *(memory_kb if size == named else 0 for named in NAMED_SIZES_KB),
    )


def _row(cells: Sequence[tuple[int, ...]]) -> Room:
    """Return the number of cells, the sum of the first measure, and each measure's greatest values, greatest first."""
    ranked = (sorted((cell[measure] for cell in cells), reverse=True)[:RANKS] for measure in range(MEASURES))
    filled = ((*best, *(ABSENT,) * (RANKS - len(best))) for best in ranked)
    values = (len(cells), sum(cell[0] for cell in cells), *chain.from_iterable(filled))
    return tuple(max(ABSENT, min(value, UNBOUNDED)) for value in values)
