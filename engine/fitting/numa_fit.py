"""Which host cells a guest's cells go to, and what they take there (nova.virt.hardware.numa_fit_instance_to_host)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.fitting.cell_fit import CellLimits
from engine.fitting.host_cell_sets import HostCellSets
from engine.fitting.numa_exact import any_fits, first_fits
from engine.fitting.numa_order import ordered_cells
from engine.fitting.numa_replay import any_replayed_fits, replayed_fits
from engine.model.numa import GuestNuma, HostNuma, NetworkNeeds
from engine.model.pci import PciPool, PciRequest

Mappings = Mapping[str, tuple[str, ...]]
"""Which providers serve which request group of an allocation candidate."""


def fit(
    host: HostNuma,
    guest: GuestNuma,
    *,
    cpu_allocation_ratio: float | None = None,
    ram_allocation_ratio: float | None = None,
    networks: NetworkNeeds | None = None,
    pci_requests: Sequence[PciRequest] = (),
    pci_pools: Sequence[PciPool] = (),
    mappings: Mappings | None = None,
    pack_cells: bool = False,
    quirks: bool = False,
) -> GuestNuma | None:
    """Return the guest with each cell on a host cell of its own, None where it does not fit; see ``fit_candidates``."""
    return fit_candidates(
        host,
        guest,
        (mappings,),
        cpu_allocation_ratio=cpu_allocation_ratio,
        ram_allocation_ratio=ram_allocation_ratio,
        networks=networks,
        pci_requests=pci_requests,
        pci_pools=pci_pools,
        pack_cells=pack_cells,
        quirks=quirks,
    )[0]


def fit_candidates(
    host: HostNuma,
    guest: GuestNuma,
    candidates: Sequence[Mappings | None],
    *,
    cpu_allocation_ratio: float | None = None,
    ram_allocation_ratio: float | None = None,
    networks: NetworkNeeds | None = None,
    pci_requests: Sequence[PciRequest] = (),
    pci_pools: Sequence[PciPool] = (),
    pack_cells: bool = False,
    quirks: bool = False,
) -> tuple[GuestNuma | None, ...]:
    """Return for each candidate's mappings the guest as it fits with them, None where it does not.

    Of all ways to fit, it is the first in nova's order: host cells in the order of ``ordered_cells``, as a dictionary
    has words. Fitted cells name their host cell, CPUs, and page size where one was asked for. The ratios bound shared
    vCPUs and their memory, None not at all; ``pack_cells`` is [compute]packing_host_numa_cells_allocation_strategy.

    With ``quirks`` the answer is nova's own where its memory of pairs already tried misleads it: it is kept by host
    cell and guest cell ids, but trying a guest cell changes its id, and what is learnt for one candidate weighs on the
    next. A guest fitted before then counts as lying where it was put. Raises FittingFault where nova breaks down.
    """
    if not guest.cells or len(host.cells) < len(guest.cells):
        return (None,) * len(candidates)
    cells = ordered_cells(host, guest, pci_pools, wants_devices=bool(pci_requests), pack_cells=pack_cells)
    limits = CellLimits(cpu_allocation_ratio, ram_allocation_ratio)
    sets = [HostCellSets(host, cells, networks, pci_requests, pci_pools, mappings) for mappings in candidates]
    return (replayed_fits if quirks else first_fits)(cells, guest, limits, sets)


def fitting_candidates(
    host: HostNuma,
    guest: GuestNuma,
    candidates: Sequence[Mappings | None],
    *,
    cpu_allocation_ratio: float | None = None,
    ram_allocation_ratio: float | None = None,
    networks: NetworkNeeds | None = None,
    pci_requests: Sequence[PciRequest] = (),
    pci_pools: Sequence[PciPool] = (),
    pack_cells: bool = False,
    quirks: bool = False,
) -> tuple[bool, ...]:
    """Return for each candidate's mappings whether ``fit_candidates`` finds a way, without choosing any CPUs."""
    if not guest.cells or len(host.cells) < len(guest.cells):
        return (False,) * len(candidates)
    cells = ordered_cells(host, guest, pci_pools, wants_devices=bool(pci_requests), pack_cells=pack_cells)
    limits = CellLimits(cpu_allocation_ratio, ram_allocation_ratio)
    sets = [HostCellSets(host, cells, networks, pci_requests, pci_pools, mappings) for mappings in candidates]
    return (any_replayed_fits if quirks else any_fits)(cells, guest, limits, sets)
