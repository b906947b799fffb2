"""How a host is shown to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli.device_view import write_devices
from engine.cli.output import write_facts, write_line, write_table
from engine.cli.plain import plain

if TYPE_CHECKING:
    from engine.v1.inventory_pb2 import Host

HOST_COLUMNS = ("host", "zone", "state", "vcpus", "used", "memory MB", "used", "disk GB", "used")
_INVENTORY_COLUMNS = ("resource", "total", "reserved", "ratio", "min unit", "max unit", "step", "used")
_DEVICES = {"numa_topology", "numa_in_use", "pci_pools", "pci_free", "providers"}
_SHOWN_APART = {"inventories", "service", "up", "host_id", *_DEVICES}


def host_row(host: Host) -> tuple[object, ...]:
    """Returns a host as a row of HOST_COLUMNS."""
    sizes: list[object] = []
    for name in ("VCPU", "MEMORY_MB", "DISK_GB"):
        # Not by index: reading a missing key of a protobuf map would add it.
        known = host.inventories.get(name)
        sizes += (known.total, known.used) if known else (0, 0)
    return (host.host_id, host.availability_zone, state(host), *sizes)


def state(host: Host) -> str:
    """Returns the compute service's state in words."""
    if host.service.forced_down:
        return "forced down"
    if host.service.disabled:
        return f"disabled ({host.service.disabled_reason})" if host.service.disabled_reason else "disabled"
    return "up" if host.up else "down"


def write_host(host: Host) -> None:
    """Writes everything known of a host."""
    fields = {"host_id": host.host_id, "state": state(host)}
    fields |= {name: value for name, value in plain(host).items() if name not in _SHOWN_APART}
    write_facts((name, _text(value)) for name, value in fields.items())
    rows = (
        (
            name,
            item.total,
            item.reserved,
            item.allocation_ratio,
            item.min_unit,
            item.max_unit,
            item.step_size,
            item.used,
        )
        for name, item in sorted(host.inventories.items())
    )
    write_table(_INVENTORY_COLUMNS, rows)
    write_devices(host)
    write_line(f"what it holds: berth allocations list --host {host.host_id}")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join("/".join(item.values()) if isinstance(item, dict) else str(item) for item in value)
    return str(value)
