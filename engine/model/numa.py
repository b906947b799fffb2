"""NUMA: a host's cells with what is used of them, and the guest cells that an instance asks for.

The facts are those of nova's NUMATopology and InstanceNUMATopology objects. Everything is hashable: equal hosts share a
code in the table, and answers are kept by (host, request).
"""

from __future__ import annotations

from dataclasses import dataclass

SMALL_PAGES = -1
LARGE_PAGES = -2
ANY_PAGES = -3
"""Page sizes asked for by kind; other page sizes are KiB."""

DEDICATED = "dedicated"
SHARED = "shared"
MIXED = "mixed"
"""CPU policies."""


@dataclass(frozen=True, slots=True)
class HostPages:
    """One page size of a host cell, in pages: how many there are, are used, and are kept from instances."""

    size_kb: int
    total: int
    used: int = 0
    reserved: int = 0

    @property
    def free(self) -> int:
        """Pages that instances may still take; negative where more are used than there are."""
        return self.total - self.used - self.reserved


@dataclass(frozen=True, slots=True)
class HostCell:
    """One NUMA node of a host.

    ``cpus`` are those for shared vCPUs (nova's cpuset), ``pinnable_cpus`` those for dedicated ones (pcpuset);
    ``siblings`` are the sets of hardware threads that share a core. ``memory_mb`` and ``memory_usage_mb`` are MiB,
    ``cpu_usage`` counts shared and dedicated vCPUs. ``physnets`` and ``tunneled`` say which networks are near.
    """

    cell_id: int
    cpus: frozenset[int]
    pinnable_cpus: frozenset[int]
    memory_mb: int
    cpu_usage: int = 0
    memory_usage_mb: int = 0
    pinned_cpus: frozenset[int] = frozenset()
    siblings: tuple[frozenset[int], ...] = ()
    pages: tuple[HostPages, ...] = ()
    socket: int | None = None
    physnets: frozenset[str] = frozenset()
    tunneled: bool = False

    @property
    def free_pinnable_cpus(self) -> frozenset[int]:
        """The CPUs that can still be pinned."""
        return self.pinnable_cpus - self.pinned_cpus


@dataclass(frozen=True, slots=True)
class HostNuma:
    """A host's NUMA cells, in the order the host reports them."""

    cells: tuple[HostCell, ...]


@dataclass(frozen=True, slots=True)
class GuestCell:
    """One NUMA cell of a guest, as asked for, and once fitted where it lies.

    ``cpus`` are its shared vCPUs, ``dedicated_cpus`` its dedicated ones, ``page_size_kb`` one of the kinds above, KiB,
    or None for no wish. When fitted, ``host_cell`` is a HostCell's id, ``page_size_kb`` is concrete, ``pinning`` pairs
    (vCPU, host CPU), and ``reserved_cpus`` are host CPUs taken for the emulator threads.
    """

    cell_id: int
    cpus: frozenset[int]
    dedicated_cpus: frozenset[int]
    memory_mb: int
    page_size_kb: int | None = None
    cpu_policy: str | None = None
    cpu_thread_policy: str | None = None
    host_cell: int | None = None
    pinning: tuple[tuple[int, int], ...] = ()
    reserved_cpus: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class GuestNuma:
    """The NUMA cells of a guest; ``emulator_threads_policy`` is ``isolate``, ``share`` or None."""

    cells: tuple[GuestCell, ...]
    emulator_threads_policy: str | None = None


@dataclass(frozen=True, slots=True)
class NetworkNeeds:
    """What the guest's networks want near its cells: physical networks, and the host's tunnel endpoint."""

    physnets: frozenset[str] = frozenset()
    tunneled: bool = False
