"""Host updates from messages: what is given is merged over what is known, and checked as a fleet file is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from engine.errors import InvalidHostError
from engine.inventory.export import fleet_rows
from engine.inventory.fleet import Fleet
from engine.inventory.fleet_file import normalise_fleet
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.model.host import RESOURCE_CLASSES
from engine.v1 import inventory_pb2

_PREFIX = {"VCPU": ("vcpus", "cpu"), "MEMORY_MB": ("memory_mb", "ram"), "DISK_GB": ("disk_gb", "disk")}
_OPTIONAL = (
    "uuid",
    "nodename",
    "vcpus_used",
    "memory_mb_used",
    "local_gb_used",
    "free_ram_mb",
    "free_disk_gb",
    "disk_available_least_gb",
    "num_instances",
    "num_io_ops",
    "failed_builds",
    "availability_zone",
    "hypervisor_type",
    "hypervisor_version",
    "arch",
    "cpu_info",
    "host_ip",
    "cell",
)
_SOFT = frozenset({"host_id", "num_io_ops", "failed_builds", "service"})
"""The fields of a report that is not kept: the host will say them again."""


def is_report(host: inventory_pb2.Host) -> bool:
    """True when a message for a known host carries only what hosts report all the time: a heartbeat and running counts."""
    given = {field.name for field, _ in host.ListFields()}
    if not given <= _SOFT:
        return False
    service = host.service
    return "service" not in given or {field.name for field, _ in service.ListFields()} == {"last_seen_up_us"}


def merged_fleet(fleet: Fleet, hosts: Sequence[inventory_pb2.Host]) -> pa.Table:
    """Return the canonical fleet table of updated hosts; raise InvalidHostError naming the host and what is wrong."""
    seen: set[str] = set()
    rows = []
    for host in hosts:
        if not host.host_id:
            raise InvalidHostError("every host needs a host_id")
        if host.host_id in seen:
            raise InvalidHostError(f"host {host.host_id!r} comes twice in one message", host_id=host.host_id)
        seen.add(host.host_id)
        rows.append(_merged(fleet, host))
    # columns that no host gives are left out, so that a new host gets the documented defaults
    given = [field for field in FLEET_SCHEMA if any(field.name in row for row in rows)]
    table = pa.table({field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in given})
    return normalise_fleet(table, source="the update")


def _merged(fleet: Fleet, host: inventory_pb2.Host) -> dict[str, Any]:
    row = fleet.find(host.host_id)
    facts: dict[str, Any] = {"host_id": host.host_id}
    if row is not None:
        facts = fleet_rows(fleet, np.array([row])).to_pylist()[0]
        if host.inventories:
            # free amounts follow the new totals unless they are given too
            facts["free_ram_mb"] = facts["free_disk_gb"] = None
    for name in _OPTIONAL:
        if host.HasField(name):
            facts[name] = getattr(host, name)
    unknown = sorted(host.inventories.keys() - set(RESOURCE_CLASSES))
    if unknown:
        raise InvalidHostError(
            f"host {host.host_id!r}: no resource class {unknown[0]!r}; there are {', '.join(RESOURCE_CLASSES)}",
            host_id=host.host_id,
        )
    for resource_class, inventory in host.inventories.items():
        prefix, ratio = _PREFIX[resource_class]
        facts[prefix] = inventory.total
        facts[f"{prefix}_reserved"] = inventory.reserved
        if inventory.allocation_ratio:
            facts[f"{ratio}_allocation_ratio"] = inventory.allocation_ratio
        facts[f"{prefix}_min_unit"] = inventory.min_unit or 1
        facts[f"{prefix}_max_unit"] = inventory.max_unit or inventory.total
        facts[f"{prefix}_step_size"] = inventory.step_size or 1
    if host.supported_instances:
        facts["supported_instances"] = [
            f"{item.arch}/{item.hypervisor_type}/{item.vm_mode}" for item in host.supported_instances
        ]
    if host.traits:
        facts["traits"] = list(host.traits)
    if host.stats:
        facts["stats"] = json.dumps(dict(host.stats))
    if host.HasField("service"):
        facts["disabled"] = host.service.disabled
        facts["disabled_reason"] = host.service.disabled_reason
        facts["forced_down"] = host.service.forced_down
        if host.service.HasField("last_seen_up_us"):
            facts["last_seen_up_us"] = host.service.last_seen_up_us
    return facts
