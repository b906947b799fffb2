"""Whether one guest cell fits one host cell, and what it takes there (nova.virt.hardware._numa_fit_instance_cell)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.fitting.cpu_packing import can_pack, pack
from engine.fitting.errors import FittingFault
from engine.fitting.pages import chosen_page_size, memory_fits
from engine.model.numa import DEDICATED, MIXED, SHARED, GuestCell, HostCell

PINNED_POLICIES = (DEDICATED, MIXED)
"""CPU policies with dedicated vCPUs."""

SHARED_POLICIES = (SHARED, MIXED, None)
"""CPU policies with shared vCPUs."""


@dataclass(frozen=True, slots=True)
class CellNeeds:
    """All of a guest cell that decides where it fits; ``reserved`` are host CPUs for the emulator threads.

    Guest cells with equal needs fit the same host cells in the same way.
    """

    shared: int
    dedicated: int
    memory_mb: int
    page_size_kb: int | None
    policy: str | None
    thread_policy: str | None
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class CellLimits:
    """How far shared vCPUs and their memory may be overcommitted, as ratios; None for no limit."""

    cpu_ratio: float | None = None
    ram_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class CellFit:
    """Whether a pair of cells fits in all; the page size if one was found, and whether CPUs were (``packs``)."""

    fits: bool
    page_size_kb: int | None = None
    packs: bool = False


def cell_needs(cell: GuestCell, reserved: int = 0) -> CellNeeds:
    """Return what decides where the guest cell fits."""
    return CellNeeds(
        len(cell.cpus),
        len(cell.dedicated_cpus),
        cell.memory_mb,
        cell.page_size_kb or None,
        cell.cpu_policy,
        cell.cpu_thread_policy,
        reserved,
    )


def cell_fit(host: HostCell, needs: CellNeeds, limits: CellLimits, *, quirks: bool = False) -> CellFit:
    """Return whether and how the needs are met by what is free in the host cell.

    Neither memory nor CPUs may be overcommitted by one guest alone, nor pinned CPUs at all; a cell of a pinned guest
    needs a vCPU. With ``quirks`` a host
    cell that lists no sibling sets raises FittingFault, as it stops nova, once the choice of cores is reached.
    """
    pinned = needs.policy in PINNED_POLICIES
    size: int | None = None
    if needs.page_size_kb:
        size = chosen_page_size(host, needs.page_size_kb, needs.memory_mb)
        if size is None:
            return CellFit(False)
    elif not memory_fits(host, needs.memory_mb, overcommit=not pinned):
        return CellFit(False)
    if needs.policy in SHARED_POLICIES and needs.shared > len(host.cpus):
        return CellFit(False, size)
    if pinned:
        count = needs.dedicated + needs.reserved
        if count > len(host.pinnable_cpus) or count > len(host.free_pinnable_cpus):
            return CellFit(False, size)
        if quirks and not host.siblings:
            raise FittingFault(
                f"NUMA cell {host.cell_id} of a host lists no sibling sets: its compute service must report them",
                nova_exception="ValueError",
            )
        if not can_pack(host, needs.dedicated, needs.thread_policy, needs.reserved):
            return CellFit(False, size)
        if not needs.shared and not needs.dedicated:
            return CellFit(False, size, packs=True)
    return CellFit(needs.policy not in SHARED_POLICIES or _within(host, needs, limits), size, pinned)


def fitted_cell(cell: GuestCell, needs: CellNeeds, host: HostCell) -> GuestCell:
    """Return the guest cell with the CPUs it gets on a host cell that has them, and with the page size of ``needs``."""
    pinned, reserved = (
        pack(host, needs.dedicated, needs.thread_policy, needs.reserved) if needs.policy in PINNED_POLICIES else None
    ) or ((), frozenset())
    return replace(
        cell,
        host_cell=host.cell_id,
        page_size_kb=needs.page_size_kb,
        pinning=tuple(zip(sorted(cell.dedicated_cpus), pinned, strict=False)),
        reserved_cpus=reserved,
    )


def _within(host: HostCell, needs: CellNeeds, limits: CellLimits) -> bool:
    """Return whether shared vCPUs and memory stay within the ratios."""
    if limits.cpu_ratio is not None and host.cpu_usage + needs.shared > len(host.cpus) * limits.cpu_ratio:
        return False
    return limits.ram_ratio is None or host.memory_usage_mb + needs.memory_mb <= host.memory_mb * limits.ram_ratio
