"""The config drive: an ISO 9660 image from which a guest's cloud-init reads who it is."""

from __future__ import annotations

import base64
import binascii
import io
import json
from pathlib import Path
from typing import Any

import pycdlib

from engine.boot.libvirt.driver import Guest, LaunchError

_LABEL = "config-2"
_VERSIONS = ("latest", "2018-08-27")


def write_config_drive(guest: Guest, path: Path) -> None:
    """Write a guest's config drive to ``path``; raises LaunchError for user data that is no base64."""
    iso = pycdlib.PyCdlib()
    iso.new(joliet=3, rock_ridge="1.09", vol_ident=_LABEL)
    try:
        _add_directory(iso, "openstack")
        number = 0
        for version in _VERSIONS:
            _add_directory(iso, f"openstack/{version}")
            for name, content in _files(guest).items():
                _add_file(iso, f"openstack/{version}/{name}", content, number)
                number += 1
        iso.write(str(path))
    finally:
        iso.close()


def _files(guest: Guest) -> dict[str, bytes]:
    files = {
        "meta_data.json": json.dumps(_meta_data(guest)).encode(),
        "network_data.json": json.dumps(_network_data(guest)).encode(),
        "vendor_data.json": b"{}",
    }
    if guest.user_data:
        try:
            files["user_data"] = base64.b64decode(guest.user_data, validate=True)
        except binascii.Error as error:
            raise LaunchError(f"the user data is not base64: {error}") from error
    return files


def _meta_data(guest: Guest) -> dict[str, Any]:
    known: dict[str, Any] = {
        "uuid": guest.uuid,
        "name": guest.display_name,
        "hostname": guest.hostname,
        "availability_zone": guest.availability_zone,
        "launch_index": guest.launch_index,
        "project_id": guest.project_id,
        "reservation_id": guest.reservation_id,
        "meta": dict(guest.metadata),
        "devices": [{"type": "nic", "mac": one.mac_address, "tags": [one.tag]} for one in guest.interfaces if one.tag],
    }
    if guest.key_data:
        known["public_keys"] = {guest.key_name: guest.key_data}
        known["keys"] = [{"name": guest.key_name, "type": "ssh", "data": guest.key_data}]
    return known


def _network_data(guest: Guest) -> dict[str, Any]:
    """Return links and networks: every address comes by DHCP, as the network service hands it out."""
    links = [
        {"id": f"tap{one.port_id[:11]}", "vif_id": one.port_id, "type": one.vif_type or "phy", "mtu": one.mtu or None}
        | {"ethernet_mac_address": one.mac_address}
        for one in guest.interfaces
    ]
    networks = [
        {"id": f"network{index}", "network_id": one.network_id, "link": link["id"]}
        | {"type": "ipv6_dhcpv6-stateful" if ":" in one.addresses[0].address else "ipv4_dhcp"}
        for index, (one, link) in enumerate(zip(guest.interfaces, links, strict=True))
        if one.addresses
    ]
    return {"links": links, "networks": networks, "services": []}


def _add_directory(iso: Any, path: str) -> None:
    # ISO 9660 itself knows eight capital letters a name; Joliet and Rock Ridge carry the real one
    short = "/".join(_short(part) for part in path.split("/"))
    iso.add_directory(f"/{short}", rr_name=path.rpartition("/")[2], joliet_path=f"/{path}")


def _add_file(iso: Any, path: str, content: bytes, number: int) -> None:
    folder, _, name = path.rpartition("/")
    short = "/".join(_short(part) for part in folder.split("/"))
    iso.add_fp(io.BytesIO(content), len(content), f"/{short}/F{number:07}.;1", rr_name=name, joliet_path=f"/{path}")


def _short(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalnum())[:8]
