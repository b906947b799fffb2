"""NUMATopologyFilter: the guest's NUMA cells fit the host's (nova.scheduler.filters.numa_topology_filter)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from engine.fitting.cpu_policies import REQUIRE
from engine.fitting.numa_fit import fitting_candidates
from engine.fitting.numa_needs import needs
from engine.model.image import Image
from engine.model.numa import DEDICATED, HostNuma
from engine.model.request_spec import RequestSpec
from engine.scheduler.faults import FilterFault
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import state_filter
from engine.scheduler.request_facts import RequestFacts


def _wants_threads(request: RequestSpec) -> bool:
    """Whether flavor or image ask for dedicated CPUs, and one of them for the threads of whole cores."""
    extra_specs, properties = request.flavor.extra_specs, request.image.properties
    policies = (extra_specs.get("hw:cpu_policy"), properties.get("hw_cpu_policy"))
    thread_policies = (extra_specs.get("hw:cpu_thread_policy"), properties.get("hw_cpu_thread_policy"))
    return DEDICATED in policies and REQUIRE in thread_policies


def _has_no_image(request: RequestSpec) -> bool:
    return request.image == Image() and not request.is_bfv


def _has_threads(host: HostNuma) -> bool:
    return any(len(each) > 1 for cell in host.cells for each in cell.siblings)


def _concerns(request: RequestSpec, options: SchedulerOptions) -> bool:
    return request.numa is not None or _wants_threads(request) or (options.nova_quirks and _has_no_image(request))


def _key(request: RequestSpec, options: SchedulerOptions) -> Hashable:
    return request.numa, request.pci_requests, request.networks, _wants_threads(request), _has_no_image(request)


def _columns(request: RequestSpec, options: SchedulerOptions) -> tuple[str, ...]:
    """Return the columns that decide; PCI pools order the cells, which decides nothing unless nova's memory errs."""
    columns = ["numa", "vcpu_allocation_ratio", "memory_mb_allocation_ratio"]
    return (*columns, "pci") if request.pci_requests or options.nova_quirks else tuple(columns)


def _needs(request: RequestSpec, options: SchedulerOptions) -> tuple[int, ...] | None:
    return None if request.numa is None else needs(request.numa, quirks=options.nova_quirks)


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    host, guest = facts.fleet.numa(facts.row), request.numa
    if host is None:
        return "NUMA cells: the host reports none"
    if guest is None:
        return "CPUs with threads of one core"
    if len(host.cells) < len(guest.cells):
        return f"{len(guest.cells)} NUMA cells instead of {len(host.cells)}"
    wanted = max(len(cell.dedicated_cpus) for cell in guest.cells)
    most = max(len(cell.free_pinnable_cpus) for cell in host.cells)
    if wanted > most:
        return f"{wanted - most} more dedicated CPUs free in one NUMA cell ({most} of the {wanted} asked for)"
    total = sum(len(cell.dedicated_cpus) for cell in guest.cells)
    free = sum(len(cell.free_pinnable_cpus) for cell in host.cells)
    if total > free:
        return f"{total - free} more dedicated CPUs free ({free} of the {total} asked for)"
    memory = max(cell.memory_mb for cell in guest.cells)
    largest = max(cell.memory_mb for cell in host.cells)
    if memory > largest:
        return f"{memory - largest} more MiB of memory in one NUMA cell ({largest} of the {memory} asked for)"
    if any(cell.page_size_kb for cell in guest.cells):
        return "more free pages of the size asked for, or CPUs free beside them, in one NUMA cell"
    return "more CPUs, memory or devices free in the same NUMA cells"


@state_filter(
    "NUMATopologyFilter",
    reason="the guest's NUMA cells do not fit the host's",
    concerns=_concerns,
    request_key=_key,
    columns=_columns,
    needs=_needs,
    change=_change,
)
def numa_topology(
    facts: RequestFacts,
    request: RequestSpec,
    options: SchedulerOptions,
    mappings: Sequence[Mapping[str, tuple[str, ...]]],
) -> Sequence[bool]:
    """Return, for each candidate's mappings, whether the guest's cells fit the host's with the devices it names.

    nova's filter raises for a request without an image, whatever else it asks for.
    """
    if options.nova_quirks and _has_no_image(request):
        raise FilterFault("the request has no image", nova_exception="AttributeError")
    fleet, row = facts.fleet, facts.row
    host = fleet.numa(row)
    if host is not None and _wants_threads(request) and not _has_threads(host):
        return (False,) * len(mappings)
    if request.numa is None:
        return (True,) * len(mappings)
    if host is None:
        return (False,) * len(mappings)
    return fitting_candidates(
        host,
        request.numa,
        mappings,
        cpu_allocation_ratio=float(fleet.columns["vcpu_allocation_ratio"][row]),
        ram_allocation_ratio=float(fleet.columns["memory_mb_allocation_ratio"][row]),
        networks=request.networks,
        pci_requests=request.pci_requests,
        pci_pools=fleet.pci_pools(row),
        pack_cells=options.packing_host_numa_cells_allocation_strategy,
        quirks=options.nova_quirks,
    )
