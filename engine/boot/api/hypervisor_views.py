"""Hypervisors as administrators see them: what the scheduler knows of hosts, in nova's fields."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request

from engine.boot.api.compute_services import COMPUTE
from engine.boot.api.fleet import Fleet, node_name, service_uuid, small_id
from engine.boot.api.versioned import minor_of
from engine.v1.inventory_pb2 import Host

UUID_SINCE = 53
SIZES_UNTIL = 87
"""The last version in which a hypervisor tells of sizes and of their use; since then placement tells."""

_CPU_OBJECT_SINCE = 28


def hypervisor_id(request: Request, host: Host) -> str | int:
    """Return the id of a hypervisor in the version of the request."""
    return host.uuid if minor_of(request) >= UUID_SINCE else small_id(host.uuid)


def brief_view(request: Request, fleet: Fleet, host: Host) -> dict[str, Any]:
    """Return what the short listing says of a hypervisor."""
    return {
        "id": hypervisor_id(request, host),
        "hypervisor_hostname": node_name(host),
        "state": "up" if fleet.is_up(host) else "down",
        "status": "disabled" if host.service.disabled else "enabled",
    }


def full_view(request: Request, fleet: Fleet, host: Host) -> dict[str, Any]:
    """Return all that is said of a hypervisor."""
    minor = minor_of(request)
    service = service_uuid(COMPUTE, host.host_id)
    view = brief_view(request, fleet, host) | {
        "hypervisor_type": host.hypervisor_type,
        "hypervisor_version": host.hypervisor_version,
        "host_ip": host.host_ip or None,
        "service": {
            "id": service if minor >= UUID_SINCE else small_id(service),
            "host": host.host_id,
            "disabled_reason": host.service.disabled_reason or None,
        },
    }
    if minor > SIZES_UNTIL:
        return view | {"uptime": uptime_of(host)}
    return view | sizes_of(host) | {"cpu_info": _cpu_info(host, as_object=minor >= _CPU_OBJECT_SINCE)}


def uptime_of(host: Host) -> str | None:
    """Return how long a host has run, where its agent tells."""
    return host.stats.get("uptime") or None


def sizes_of(host: Host) -> dict[str, int]:
    """Return a host's sizes and what of them is used, what the host keeps for itself included, as nova counts."""
    vcpus, memory, disk = (host.inventories[name] for name in ("VCPU", "MEMORY_MB", "DISK_GB"))
    return {
        "vcpus": vcpus.total,
        "vcpus_used": vcpus.used,
        "memory_mb": memory.total,
        "memory_mb_used": memory.total - host.free_ram_mb,
        "free_ram_mb": host.free_ram_mb,
        "local_gb": disk.total,
        "local_gb_used": disk.total - host.free_disk_gb,
        "free_disk_gb": host.free_disk_gb,
        "disk_available_least": host.free_disk_gb,
        "running_vms": host.num_instances,
        "current_workload": host.num_io_ops,
    }


def _cpu_info(host: Host, *, as_object: bool) -> object:
    if not as_object:
        return host.cpu_info
    try:
        known = msgspec.json.decode(host.cpu_info or "{}")
    except msgspec.DecodeError:
        return {}
    return known if isinstance(known, dict) else {}
