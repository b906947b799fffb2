"""What a fitted guest uses of a host's cells (nova.virt.hardware.numa_usage_from_instance_numa)."""

from __future__ import annotations

from dataclasses import replace

from engine.fitting.cell_fit import PINNED_POLICIES
from engine.fitting.cpu_policies import ISOLATE
from engine.fitting.pages import KIB_PER_MIB, smallest_pages
from engine.model.numa import GuestCell, GuestNuma, HostCell, HostNuma, HostPages


def with_usage(host: HostNuma, guest: GuestNuma, sign: int = 1) -> HostNuma:
    """Return the host with the guest's usage added, or with ``sign`` -1 taken away.

    Memory, shared CPUs and pages do not fall below zero. Guest cells that are not fitted, or lie on a cell the host
    has not, use nothing. CPUs are pinned once however often they are taken.
    """
    by_host_cell: dict[int, list[GuestCell]] = {}
    for guest_cell in guest.cells:
        if guest_cell.host_cell is not None:
            by_host_cell.setdefault(guest_cell.host_cell, []).append(guest_cell)
    return HostNuma(tuple(_used(cell, by_host_cell.get(cell.cell_id, ()), sign) for cell in host.cells))


def is_reversible(host: HostNuma, guest: GuestNuma) -> bool:
    """Return whether taking the guest's usage away leaves what there was before it, whatever came since.

    It does where all of it are sums of whole numbers: not for CPUs pinned, which may have been pinned twice, nor for
    parts of pages.
    """
    smallest = {cell.cell_id: smallest_pages(cell) for cell in host.cells}
    for cell in guest.cells:
        pages = smallest.get(cell.host_cell) if cell.host_cell is not None else None
        size = (cell.page_size_kb or pages.size_kb) if pages is not None else 1
        if cell.cpu_policy in PINNED_POLICIES or cell.memory_mb * KIB_PER_MIB % size:
            return False
    return True


def nova_usage_exception(host: HostNuma, guest: GuestNuma) -> str | None:
    """Return the class of the exception that adding the guest's usage raises in nova, None where it does not.

    It does on a cell that names no pages, and for CPUs that the cell cannot pin or has pinned already.
    """
    pinned = {cell.cell_id: cell.pinned_cpus for cell in host.cells}
    for cell in host.cells:
        for guest_cell in guest.cells:
            if guest_cell.host_cell != cell.cell_id:
                continue
            if not guest_cell.page_size_kb and not cell.pages:
                return "IndexError"
            if guest_cell.cpu_policy not in PINNED_POLICIES:
                continue
            cpus = _pins(cell, guest_cell, known_only=False)
            if not cpus <= cell.pinnable_cpus:
                return "CPUPinningUnknown"
            if cpus & pinned[cell.cell_id]:
                return "CPUPinningInvalid"
            pinned[cell.cell_id] |= cpus
    return None


def _used(cell: HostCell, guest_cells: list[GuestCell] | tuple[()], sign: int) -> HostCell:
    """Return the host cell with the usage of the guest cells on it."""
    if not guest_cells:
        return cell
    memory, cpus, pinned, pages = cell.memory_usage_mb, cell.cpu_usage, cell.pinned_cpus, cell.pages
    for guest_cell in guest_cells:
        memory += sign * guest_cell.memory_mb
        cpus += sign * len(guest_cell.cpus)
        pages = _used_pages(cell, pages, guest_cell, sign)
        if guest_cell.cpu_policy in PINNED_POLICIES:
            pins = _pins(cell, guest_cell, known_only=True)
            pinned = pinned | pins if sign > 0 else pinned - pins
    return replace(cell, memory_usage_mb=max(0, memory), cpu_usage=max(0, cpus), pinned_cpus=pinned, pages=pages)


def _pins(cell: HostCell, guest_cell: GuestCell, *, known_only: bool) -> frozenset[int]:
    """Return the host CPUs that the guest cell holds; isolated threads hold their whole cores.

    With ``known_only`` those that the host cell can pin at all.
    """
    cpus = frozenset(host_cpu for _, host_cpu in guest_cell.pinning) | guest_cell.reserved_cpus
    if guest_cell.cpu_thread_policy == ISOLATE:
        cpus = frozenset().union(*(siblings for siblings in cell.siblings if not cpus.isdisjoint(siblings)))
    return cpus & cell.pinnable_cpus if known_only else cpus


def _used_pages(
    cell: HostCell, pages: tuple[HostPages, ...], guest_cell: GuestCell, sign: int
) -> tuple[HostPages, ...]:
    """Return the pages with those of the guest cell used: of its page size, or else of the smallest."""
    smallest = smallest_pages(cell)
    if smallest is None:
        return pages
    size = guest_cell.page_size_kb or smallest.size_kb
    return tuple(
        replace(one, used=int(max(0, one.used + guest_cell.memory_mb * KIB_PER_MIB / size * sign)))
        if one.size_kb == size
        else one
        for one in pages
    )
