"""Where a guest's cells, CPUs and pages lie on its host."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree
from lxml.builder import E

from engine.boot.libvirt.driver import LaunchError
from engine.boot.libvirt.host_numa import SMALL_PAGE_KB
from engine.model.numa import GuestCell, GuestNuma, HostCell, HostNuma

_KIB = 1024


def cpu_tuning(numa: GuestNuma, host: HostNuma | None) -> list[etree._Element]:
    """Return a ``<vcpupin>`` for each vCPU and the ``<emulatorpin>``, for inside ``<cputune>``.

    A dedicated vCPU is pinned to its host CPU, a shared one to the CPUs of its cell. The emulator's threads run on the
    CPUs kept for them, or wherever the vCPUs do. Raises LaunchError for a cell that the host does not have.
    """
    pins: dict[int, frozenset[int]] = {}
    for cell in numa.cells:
        pins |= {vcpu: frozenset((cpu,)) for vcpu, cpu in cell.pinning}
        if cell.cpus:
            shared = _host_cell(cell, host).cpus
            pins |= dict.fromkeys(cell.cpus, shared)
    reserved = frozenset[int]().union(*(cell.reserved_cpus for cell in numa.cells))
    emulator = reserved or frozenset[int]().union(*pins.values())
    elements = [E.vcpupin(vcpu=str(vcpu), cpuset=cpu_list(cpus)) for vcpu, cpus in sorted(pins.items())]
    return [*elements, E.emulatorpin(cpuset=cpu_list(emulator))]


def memory_tuning(numa: GuestNuma) -> etree._Element:
    """Return ``<numatune>``: each guest cell's memory comes from its host cell alone."""
    nodes = frozenset(cell.host_cell for cell in numa.cells if cell.host_cell is not None)
    return E.numatune(
        E.memory(mode="strict", nodeset=cpu_list(nodes)),
        *(
            E.memnode(cellid=str(number), mode="strict", nodeset=str(cell.host_cell))
            for number, cell in enumerate(numa.cells)
        ),
    )


def guest_cells(numa: GuestNuma) -> etree._Element:
    """Return ``<numa>`` for inside ``<cpu>``: the cells that the guest sees."""
    return E.numa(
        *(
            E.cell(
                id=str(number),
                cpus=cpu_list(cell.cpus | cell.dedicated_cpus),
                memory=str(cell.memory_mb * _KIB),
                unit="KiB",
            )
            for number, cell in enumerate(numa.cells)
        )
    )


def huge_pages(numa: GuestNuma) -> list[etree._Element]:
    """Return ``<memoryBacking>`` where cells are backed by other than the smallest pages, otherwise nothing."""
    sizes: dict[int, list[int]] = {}
    for number, cell in enumerate(numa.cells):
        if cell.page_size_kb is not None and cell.page_size_kb > SMALL_PAGE_KB:
            sizes.setdefault(cell.page_size_kb, []).append(number)
    if not sizes:
        return []
    pages = [E.page(size=str(size), unit="KiB", nodeset=cpu_list(cells)) for size, cells in sorted(sizes.items())]
    return [E.memoryBacking(E.hugepages(*pages))]


def cpu_list(numbers: Iterable[int]) -> str:
    """Return numbers as libvirt lists them: ``0-3,8``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _host_cell(cell: GuestCell, host: HostNuma | None) -> HostCell:
    for candidate in host.cells if host else ():
        if candidate.cell_id == cell.host_cell:
            return candidate
    raise LaunchError(f"the guest's cell {cell.cell_id} was given NUMA node {cell.host_cell}, which the host lacks")
