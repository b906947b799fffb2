"""How NUMA cells, PCI devices and resource providers, and what an instance has of them, are shown to people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from engine.cli.output import write_table

if TYPE_CHECKING:
    from engine.v1.assignment_pb2 import Assignment, FittedCell
    from engine.v1.inventory_pb2 import Host, ResourceProvider
    from engine.v1.numa_pb2 import HostCell
    from engine.v1.pci_pb2 import PciPool

_CELLS = (
    "cell",
    "cpus",
    "pinnable",
    "pinned",
    "vcpus",
    "memory MB",
    "used",
    "pages",
    "socket",
    "networks",
)
_POOLS = ("device", "NUMA node", "count", "free", "facts")
PROVIDER_COLUMNS = ("provider", "uuid", "parent", "resource", "total", "used", "traits", "aggregates")


def write_devices(host: Host) -> None:
    """Writes a table each of a host's NUMA cells, PCI pools and resource providers, where it has any."""
    if host.numa_in_use.cells:
        write_table(_CELLS, map(_cell_row, host.numa_in_use.cells), title="NUMA cells")
    if host.pci_pools.pools:
        free = {_facts(pool): pool.count for pool in host.pci_free.pools}
        pools = {_facts(pool): pool.count for pool in host.pci_pools.pools}
        rows = ((*facts[:2], count, free.get(facts, 0), facts[2]) for facts, count in pools.items())
        write_table(_POOLS, rows, title="PCI devices")
    if host.providers.providers:
        write_table(PROVIDER_COLUMNS, provider_rows(host.providers.providers), title="resource providers")


def provider_rows(providers: Iterable[ResourceProvider]) -> Iterator[tuple[object, ...]]:
    """Yields a row of PROVIDER_COLUMNS for each resource class of each provider, or one where it has none."""
    for item in providers:
        sizes = [(name, str(entry.total), str(entry.used)) for name, entry in sorted(item.inventories.items())]
        for name, total, used in sizes or [("", "", "")]:
            yield (
                item.name,
                item.uuid,
                item.parent_uuid,
                name,
                total,
                used,
                sorted(item.traits),
                sorted(item.aggregate_uuids),
            )


def assignment_text(assignment: Assignment) -> str:
    """Returns what an instance was given beyond plain amounts in words, empty for nothing."""
    parts = [_cell_text(cell) for cell in assignment.cells]
    parts += [
        f"{item.count} x {item.pool.vendor_id}:{item.pool.product_id}"
        + (f" on node {item.pool.numa_node}" if item.pool.HasField("numa_node") else "")
        for item in assignment.pci_devices
    ]
    parts += [
        ", ".join(f"{name} {amount}" for name, amount in sorted(item.resources.items())) + f" of {item.provider_uuid}"
        for item in assignment.amounts
    ]
    return "; ".join(parts)


def ranges(numbers: Iterable[int]) -> str:
    """Returns numbers in ascending order with runs drawn together: 0-3,8."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _cell_row(cell: HostCell) -> tuple[object, ...]:
    pages = [f"{item.size_kb} KiB: {item.used} of {item.total}" for item in cell.pages]
    return (
        cell.cell_id,
        ranges(cell.cpus),
        ranges(cell.pinnable_cpus),
        ranges(cell.pinned_cpus),
        cell.cpu_usage,
        cell.memory_mb,
        cell.memory_usage_mb,
        pages,
        cell.socket if cell.HasField("socket") else "",
        [*cell.physnets, *(["tunneled"] if cell.tunneled else [])],
    )


def _facts(pool: PciPool) -> tuple[str, str, str]:
    tags = [f"{name}={value}" for name, value in sorted(pool.tags.items())] + sorted(pool.null_tags)
    node = str(pool.numa_node) if pool.HasField("numa_node") else ""
    return f"{pool.vendor_id}:{pool.product_id}", node, ", ".join(tags)


def _cell_text(cell: FittedCell) -> str:
    pins = ", ".join(f"{pin.vcpu}->{pin.host_cpu}" for pin in cell.pinning)
    text = f"cell {cell.cell.cell_id} on {cell.host_cell}"
    if pins:
        text += f" ({pins})"
    if cell.emulator_cpus:
        text += f", emulator on {ranges(cell.emulator_cpus)}"
    return text
