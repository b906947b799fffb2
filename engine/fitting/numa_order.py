"""The order in which host cells are tried for a guest (nova.virt.hardware.numa_fit_instance_to_host)."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.numa import SHARED, GuestNuma, HostCell, HostNuma
from engine.model.pci import PciPool


def ordered_cells(
    host: HostNuma, guest: GuestNuma, pools: Sequence[PciPool], *, wants_devices: bool, pack_cells: bool
) -> tuple[HostCell, ...]:
    """Return the host's cells, those to be tried first in front.

    A host with just as many cells as the guest keeps its order. Otherwise the cells with most free memory go first,
    before that those with least used or most free CPUs, and before that those with most free devices for a guest that
    wants some, with fewest for one that wants none. ``pack_cells`` turns the first two round.
    """
    cells = list(host.cells)
    if len(cells) == len(guest.cells):
        return host.cells
    cells.sort(key=_free_memory_mb, reverse=not pack_cells)
    if guest.cells[0].cpu_policy in (None, SHARED):
        cells.sort(key=_cpu_usage, reverse=pack_cells)
    else:
        cells.sort(key=_free_pinnable, reverse=not pack_cells)
    if pools:
        devices: dict[int | None, int] = {}
        for pool in pools:
            devices[pool.numa_node] = devices.get(pool.numa_node, 0) + pool.count
        cells.sort(key=lambda cell: devices.get(cell.cell_id, 0), reverse=wants_devices)
    return tuple(cells)


def _free_memory_mb(cell: HostCell) -> int:
    """Return the memory that no guest uses."""
    return cell.memory_mb - cell.memory_usage_mb


def _cpu_usage(cell: HostCell) -> int:
    """Return the used shared CPUs."""
    return cell.cpu_usage


def _free_pinnable(cell: HostCell) -> int:
    """Return how many CPUs can still be pinned."""
    return len(cell.free_pinnable_cpus)
