"""The NUMA cells of a simulated host."""

from __future__ import annotations

from engine.boot.libvirt.driver import HostProfile
from engine.model.numa import HostCell, HostNuma, HostPages

SMALL_PAGE_KB = 4
HUGE_PAGE_KB = 2048
_KIB = 1024


def host_numa(profile: HostProfile) -> HostNuma | None:
    """Return a host's cells, one a socket with two threads a core, or None for a host that has none to tell of.

    CPUs and memory are divided evenly, the first cells take what is left over; every CPU takes shared and dedicated
    vCPUs, as nova has it where no sets are configured.
    """
    many = min(profile.numa_cells, profile.vcpus)
    if not many:
        return None
    cells = []
    first = 0
    for number in range(many):
        cpus = range(first, first + _share(profile.vcpus, many, number))
        first = cpus.stop
        memory_mb = _share(profile.memory_mb, many, number)
        huge = min(_share(profile.huge_pages_mb, many, number), memory_mb) * _KIB // HUGE_PAGE_KB
        pages = [HostPages(SMALL_PAGE_KB, (memory_mb * _KIB - huge * HUGE_PAGE_KB) // SMALL_PAGE_KB)]
        if huge:
            pages.append(HostPages(HUGE_PAGE_KB, huge))
        cells.append(
            HostCell(
                cell_id=number,
                cpus=frozenset(cpus),
                pinnable_cpus=frozenset(cpus),
                memory_mb=memory_mb,
                siblings=tuple(frozenset(cpus[core : core + 2]) for core in range(0, len(cpus), 2)),
                pages=tuple(pages),
                socket=number,
            )
        )
    return HostNuma(tuple(cells))


def _share(amount: int, many: int, number: int) -> int:
    return amount // many + (1 if number < amount % many else 0)
