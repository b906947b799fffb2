"""Which host CPUs dedicated vCPUs get on one cell (nova.virt.hardware._pack_instance_onto_cores).

Cores are taken in the order in which the host lists its sibling sets.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from engine.fitting.cpu_policies import ISOLATE, REQUIRE
from engine.model.numa import HostCell

Packing = tuple[tuple[int, ...], frozenset[int]]
"""Host CPUs for the dedicated vCPUs in ascending order of these, and host CPUs for the emulator threads."""


def can_pack(cell: HostCell, count: int, thread_policy: str | None, reserved: int = 0) -> bool:
    """Return whether ``pack`` finds CPUs, from the number of free threads on each core alone."""
    free = cell.pinnable_cpus - cell.pinned_cpus
    widths = [width for width in [len(siblings & free) for siblings in cell.siblings] if width]
    threads_per_core = _threads_per_core(cell)
    if thread_policy == ISOLATE:
        whole = sum(1 for width in widths if width >= threads_per_core)
        return 0 < count <= whole and len(widths) - count >= reserved and _keeps_threads_idle(cell, threads_per_core)
    if sum(widths) < count + reserved or (reserved and not count):
        return False
    if thread_policy != REQUIRE:
        return True
    return any(
        threads * sum(1 for width in widths if width >= threads) >= count
        for threads in range(2, max(widths, default=0) + 1)
    )


def pack(cell: HostCell, count: int, thread_policy: str | None, reserved: int = 0) -> Packing | None:
    """Return host CPUs for ``count`` dedicated vCPUs and ``reserved`` emulator threads, None where they do not fit.

    ``isolate`` takes one thread of each wholly free core, ``require`` at least two threads of every core it touches;
    otherwise cores with the most free threads go first, and single threads where that does not suffice. A cell that
    lists no sibling sets has no cores to give.
    """
    if not can_pack(cell, count, thread_policy, reserved):
        return None
    free = _as_decoded(cell.pinnable_cpus) - set(cell.pinned_cpus)
    cores = [siblings for siblings in cell.siblings if not siblings.isdisjoint(free)]
    widths = [len(siblings & free) for siblings in cores]
    if thread_policy == ISOLATE:
        threads = 1
        chosen = [number for number, width in enumerate(widths) if width >= _threads_per_core(cell)][:count]
        others = iter([core for number, core in enumerate(cores) if number not in chosen])
    else:
        threads = _threads_taken(widths, count)
        chosen = [number for number, width in enumerate(widths) if width >= (threads or 1)]
        others = iter(cores)
    pinned: list[int] = []
    for number in chosen:
        if len(pinned) >= count:
            break
        pinned += [*(_as_decoded(cores[number]) & free)][: threads or None]
    kept: list[int] = []
    while len(kept) < reserved and (core := next(others, None)) is not None:
        kept += [cpu for cpu in _as_decoded(core) & free if cpu not in pinned[:count]]
    return tuple(pinned[:count]), frozenset(kept[:reserved])


def _threads_taken(widths: list[int], count: int) -> int:
    """Return how many threads to take of each core that has as many free: the most that suffice; 0 for all of any."""
    for threads in range(max(widths, default=0), 0, -1):
        if threads * sum(1 for width in widths if width >= threads) >= count:
            return threads
    return 0


def _threads_per_core(cell: HostCell) -> int:
    """Return how many hardware threads the cell's widest core has, free or not."""
    return max(map(len, cell.siblings), default=0) or 1


def _keeps_threads_idle(cell: HostCell, threads_per_core: int) -> bool:
    """Return whether the other threads of an isolated core stay idle.

    With hardware threads only a host that shares and dedicates the same CPUs can see to that; on the others placement
    counts them as free.
    """
    return threads_per_core == 1 or cell.pinnable_cpus == cell.cpus


def _as_decoded(cpus: AbstractSet[int]) -> set[int]:
    """Return the set such that it and its intersections are in the order nova sees, which is that of CPython's sets.

    nova reads an ascending list into a set, copies that one by one into a set of checked elements, and that
    one as a whole.
    """
    decoded: set[int] = set()
    decoded.update(sorted(cpus))
    checked: set[int] = set()
    checked.update([*decoded])
    return set(checked)
