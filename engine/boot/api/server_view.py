"""A server as nova shows it, in the version that the request speaks and with what its caller may see."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from starlette.requests import Request

from engine.boot.api.links import links_of
from engine.boot.api.times import micro_text
from engine.boot.api.versioned import minor_of
from engine.boot.states import VmState, status_of
from engine.boot.store.history import FaultRow
from engine.boot.store.instances import BlockDeviceRow, InstanceRow
from engine.rest.request import access_of, base_url


@dataclass(frozen=True)
class Shown:
    """A server's record with what else its view needs; ``host_status`` is shown to administrators."""

    row: InstanceRow
    devices: Sequence[BlockDeviceRow] = ()
    fault: FaultRow | None = None
    host_status: str = ""


def brief(request: Request, row: InstanceRow) -> dict[str, Any]:
    """Return what ``GET /servers`` lists of a server."""
    return {"id": row.uuid, "name": row.display_name, "links": links_of(request, "servers", row.uuid)}


def detailed(request: Request, shown: Shown, *, one: bool) -> dict[str, Any]:
    """Return all of a server; ``one``: it was asked for alone, which shows its groups too."""
    row, minor = shown.row, minor_of(request)
    access = access_of(request)
    view: dict[str, Any] = {
        **brief(request, row),
        "status": status_of(row.vm_state, row.task_state),
        "tenant_id": row.project_id,
        "user_id": row.user_id,
        "created": second_text(row.created_at),
        "updated": second_text(row.updated_at),
        "hostId": host_id_of(row.project_id, row.host),
        "image": _image(request, row),
        "flavor": _flavor(request, row, minor),
        "addresses": addresses_of(row),
        "metadata": row.metadata,
        "accessIPv4": "",
        "accessIPv6": "",
        "progress": 100 if row.vm_state == VmState.ACTIVE else 0,
        "key_name": row.key_name or None,
        "config_drive": "True" if row.config_drive else "",
        "security_groups": [{"name": name} for name in row.security_groups or ("default",)],
        "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": row.availability_zone,
        "OS-EXT-STS:vm_state": row.vm_state,
        "OS-EXT-STS:task_state": row.task_state or None,
        "OS-EXT-STS:power_state": row.power_state,
        "OS-SRV-USG:launched_at": micro_text(row.launched_at),
        "OS-SRV-USG:terminated_at": micro_text(row.terminated_at),
        "os-extended-volumes:volumes_attached": _volumes(shown.devices, minor),
    }
    view |= _by_version(row, minor)
    if one and minor >= 71:
        view["server_groups"] = [row.server_group] if row.server_group else []
    if access.is_admin:
        view |= _for_admins(shown, minor)
    elif minor >= 90:
        view["OS-EXT-SRV-ATTR:hostname"] = row.hostname
    if shown.fault is not None and row.vm_state in (VmState.ERROR, VmState.DELETED):
        view["fault"] = _fault(shown.fault, with_details=access.is_admin)
    return view


def addresses_of(row: InstanceRow) -> dict[str, list[dict[str, Any]]]:
    """Return a server's addresses by network."""
    found: dict[str, list[dict[str, Any]]] = {}
    for interface in row.interfaces:
        listed = found.setdefault(interface.get("network_name") or interface["network_id"], [])
        listed += [
            {
                "version": _ip_version(entry["address"]),
                "addr": entry["address"],
                "OS-EXT-IPS:type": "fixed",
                "OS-EXT-IPS-MAC:mac_addr": interface.get("mac_address", ""),
            }
            for entry in interface.get("addresses", ())
        ]
    return found


def host_id_of(project_id: str, host: str) -> str:
    """Return the name under which a project sees a host, without learning which it is; empty for none."""
    return hashlib.sha224(f"{project_id}{host}".encode()).hexdigest() if host else ""


def device_path(name: str) -> str | None:
    """Return ``/dev/vda`` for ``vda``; None for none."""
    return (name if name.startswith("/dev/") else f"/dev/{name}") if name else None


def second_text(seconds: float) -> str:
    """Return ``2026-11-22T12:16:11Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _image(request: Request, row: InstanceRow) -> dict[str, Any] | str:
    if not row.image_id:
        return ""
    link = {"rel": "bookmark", "href": f"{base_url(request)}/images/{row.image_id}"}
    return {"id": row.image_id, "links": [link]}


def _flavor(request: Request, row: InstanceRow, minor: int) -> dict[str, Any]:
    if minor < 47:
        return {"id": row.flavor_id, "links": links_of(request, "flavors", row.flavor_id)[1:]}
    flavor: Mapping[str, Any] = row.flavor
    return {
        "original_name": flavor["name"],
        "vcpus": flavor["vcpus"],
        "ram": flavor["memory_mb"],
        "disk": flavor["root_gb"],
        "ephemeral": flavor["ephemeral_gb"],
        "swap": flavor["swap_mb"],
        "extra_specs": flavor["extra_specs"],
    }


def _volumes(devices: Sequence[BlockDeviceRow], minor: int) -> list[dict[str, Any]]:
    attached = [device for device in devices if device.volume_id]
    if minor < 3:
        return [{"id": device.volume_id} for device in attached]
    return [{"id": device.volume_id, "delete_on_termination": device.delete_on_termination} for device in attached]


def _by_version(row: InstanceRow, minor: int) -> dict[str, Any]:
    """Return what later versions added for everybody."""
    added: dict[int, dict[str, Any]] = {
        9: {"locked": row.locked},
        19: {"description": row.description or None},
        26: {"tags": row.tags},
        63: {"trusted_image_certificates": None},
        73: {"locked_reason": row.locked_reason or None},
        96: {"pinned_availability_zone": row.requested_zone.partition(":")[0] or None},
    }
    return {name: value for since, fields in added.items() if minor >= since for name, value in fields.items()}


def _for_admins(shown: Shown, minor: int) -> dict[str, Any]:
    row = shown.row
    view: dict[str, Any] = {
        "OS-EXT-SRV-ATTR:host": row.host or None,
        "OS-EXT-SRV-ATTR:hypervisor_hostname": row.host or None,
        "OS-EXT-SRV-ATTR:instance_name": f"instance-{row.number:08x}",
    }
    if minor >= 3:
        view |= {
            "OS-EXT-SRV-ATTR:hostname": row.hostname,
            "OS-EXT-SRV-ATTR:reservation_id": row.reservation_id,
            "OS-EXT-SRV-ATTR:launch_index": row.launch_index,
            "OS-EXT-SRV-ATTR:kernel_id": "",
            "OS-EXT-SRV-ATTR:ramdisk_id": "",
            "OS-EXT-SRV-ATTR:root_device_name": device_path(row.root_device_name),
            "OS-EXT-SRV-ATTR:user_data": row.user_data or None,
        }
    if minor >= 16:
        view["host_status"] = shown.host_status
    return view


def _fault(fault: FaultRow, *, with_details: bool) -> dict[str, Any]:
    view = {"code": fault.code, "created": second_text(fault.created_at), "message": fault.message}
    return view | ({"details": fault.details} if with_details and fault.details else {})


def _ip_version(address: str) -> int:
    try:
        return ip_address(address).version
    except ValueError:
        return 4
