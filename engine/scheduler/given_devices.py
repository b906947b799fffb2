"""What an instance gets of a chosen host's NUMA cells and PCI pools (nova's HostState.consume_from_request)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.fitting.errors import FittingFault
from engine.fitting.numa_fit import Mappings, fit
from engine.fitting.numa_usage import nova_usage_exception
from engine.fitting.pci import take
from engine.inventory.fleet import Fleet
from engine.model.numa import GuestNuma
from engine.model.pci import PciTaken
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions


@dataclass(frozen=True, slots=True)
class Given:
    """The cells and devices that an instance is given.

    ``next_numa`` is the guest topology that nova fits the request's next instance with; ``is_whole`` is False where
    nova would have stopped counting half way.
    """

    numa: GuestNuma | None = None
    pci: tuple[PciTaken, ...] = ()
    next_numa: GuestNuma | None = None
    is_whole: bool = True


def given_devices(
    fleet: Fleet,
    row: int,
    request: RequestSpec,
    options: SchedulerOptions,
    mappings: Mappings | None,
    *,
    is_limited: bool,
) -> Given:
    """Return the fitted cells and the devices that an instance takes of a row as it is now.

    ``is_limited`` says that networks count, and the ratios by which a host's cells may be overcommitted.

    nova counts in place and stops where it raises: with its quirks what it had counted by then stays.
    """
    quirks = options.nova_quirks
    guest, host, pools = request.numa, fleet.numa(row), fleet.pci_pools(row)
    if guest is None and not request.pci_requests:
        return Given(next_numa=guest)
    fitted = None
    cells = None if guest is None else [cell.cell_id for cell in guest.cells]
    if guest is not None and host is not None:
        try:
            fitted = fit(
                host,
                guest,
                cpu_allocation_ratio=float(fleet.columns["vcpu_allocation_ratio"][row]) if is_limited else None,
                ram_allocation_ratio=float(fleet.columns["memory_mb_allocation_ratio"][row]) if is_limited else None,
                networks=request.networks if is_limited else None,
                pci_requests=request.pci_requests,
                pci_pools=pools,
                mappings=mappings,
                pack_cells=options.packing_host_numa_cells_allocation_strategy,
                quirks=quirks,
            )
        except FittingFault:
            return Given(next_numa=guest, is_whole=False)
        if quirks and fitted is not None and nova_usage_exception(host, fitted):
            return Given(next_numa=fitted, is_whole=False)
        cells = None if fitted is None else [cell.host_cell for cell in fitted.cells if cell.host_cell is not None]
        guest = fitted
    requests = request.pci_requests
    taken = take(pools, requests, cells=cells, host=host, mappings=mappings)
    is_whole = taken is not None
    while quirks and taken is None:
        requests = requests[:-1]
        taken = take(pools, requests, cells=cells, host=host, mappings=mappings)
    return Given(fitted, taken or (), guest, is_whole)
