"""The config drive, read back as a guest reads it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pycdlib
import pytest

from engine.boot.libvirt.config_drive import write_config_drive
from engine.boot.libvirt.driver import LaunchError
from engine.v1 import instance_pb2
from tests.boot.libvirt.guests import guest


def read(path: Path, name: str) -> bytes:
    iso: Any = pycdlib.PyCdlib()
    iso.open(str(path))
    content = io.BytesIO()
    iso.get_file_from_iso_fp(content, joliet_path=f"/openstack/latest/{name}")
    iso.close()
    return content.getvalue()


def test_a_guest_finds_its_name_its_key_its_network_and_its_user_data(tmp_path: Path) -> None:
    port = instance_pb2.NetworkInterface(
        port_id="11111111-2222-3333-4444-555555555555",
        network_id="n",
        mac_address="fa:16:3e:00:00:01",
        addresses=[instance_pb2.FixedAddress(address="2001:db8::5", subnet_id="s")],
        mtu=1450,
    )
    script = "#!/bin/sh\necho héllo\n".encode()
    made = guest(
        1,
        key_name="k",
        key_data="ssh-ed25519 AAAA",
        user_data=base64.b64encode(script).decode(),
        interfaces=[port],
        metadata={"role": "web"},
        availability_zone="nova",
    )
    write_config_drive(made, tmp_path / "disk.config")
    known = json.loads(read(tmp_path / "disk.config", "meta_data.json"))
    assert (known["uuid"], known["meta"], known["public_keys"]) == (
        made.uuid,
        {"role": "web"},
        {"k": "ssh-ed25519 AAAA"},
    )
    network = json.loads(read(tmp_path / "disk.config", "network_data.json"))
    assert network["links"][0]["ethernet_mac_address"] == "fa:16:3e:00:00:01"
    assert network["networks"][0]["type"] == "ipv6_dhcpv6-stateful"
    assert read(tmp_path / "disk.config", "user_data") == script
    assert b"config-2" in (tmp_path / "disk.config").read_bytes()[: 40 * 2048]


def test_user_data_that_is_no_base64_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="base64"):
        write_config_drive(guest(1, user_data="%%%"), tmp_path / "disk.config")
