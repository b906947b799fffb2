"""The domain XML: what nova's tools find in it, and that no text of a user's ever becomes an element."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from engine.boot.libvirt.driver import LaunchError
from engine.boot.libvirt.xml.domain import domain_xml
from engine.boot.libvirt.xml.metadata import NAMESPACE
from engine.boot.libvirt.xml.profile import TEST
from engine.boot.libvirt.xml.text import xml_text
from engine.v1 import instance_pb2, request_spec_pb2
from tests.boot.libvirt.guests import guest

DIRECTORY = Path("/instances/one")
NOVA = {"nova": NAMESPACE}
PORT = instance_pb2.NetworkInterface(
    port_id="11111111-2222-3333-4444-555555555555",
    network_id="n1",
    network_name="net",
    mac_address="fa:16:3e:00:00:01",
    addresses=[instance_pb2.FixedAddress(address="10.0.0.5", subnet_id="s1")],
    vif_type="ovs",
    mtu=1450,
)


def volume(index: int, connection: dict[str, object] | None = None, **fields: object) -> instance_pb2.BlockDevice:
    local = {"driver_volume_type": "local", "device_path": f"/volumes/v{index}", "access_mode": "rw"}
    return instance_pb2.BlockDevice(
        **{
            "uuid": f"d{index}",
            "source_type": "volume",
            "destination_type": "volume",
            "volume_id": f"v{index}",
            "boot_index": -1,
            "connection_info_json": json.dumps(connection or local),
            **fields,
        }
    )


def parsed(**fields: object) -> etree._Element:
    return etree.fromstring(domain_xml(guest(26, **fields), TEST, DIRECTORY))


def test_names_sizes_and_identity_come_from_the_record() -> None:
    root = parsed(display_name="web")
    assert root.get("type") == "test"
    assert root.findtext("name") == "instance-0000001a"
    assert root.findtext("memory") == str(512 * 1024)
    assert root.findtext("vcpu") == "1"
    assert root.findtext("sysinfo/system/entry[@name='serial']") == root.findtext("uuid")
    assert root.findtext("metadata/nova:instance/nova:name", namespaces=NOVA) == "web"
    assert root.findtext("metadata/nova:instance/nova:flavor/nova:memory", namespaces=NOVA) == "512"


def test_a_port_is_plugged_by_its_id_and_told_in_the_metadata() -> None:
    root = parsed(interfaces=[PORT])
    (interface,) = root.findall("devices/interface")
    assert interface.find("virtualport/parameters").get("interfaceid") == PORT.port_id
    assert interface.find("target").get("dev") == "tap11111111-22"
    assert interface.find("mtu").get("size") == "1450"
    address = root.find("metadata/nova:instance/nova:ports/nova:port/nova:ip", namespaces=NOVA)
    assert (address.get("address"), address.get("ipVersion")) == ("10.0.0.5", "4")


def test_a_volume_is_a_disk_with_its_id_as_serial_and_64_disks_have_64_names() -> None:
    root = parsed(block_devices=[volume(index) for index in range(63)])
    disks = root.findall("devices/disk")
    assert len(disks) == 64
    assert len({disk.find("target").get("dev") for disk in disks}) == 64
    assert disks[-1].findtext("serial") == "v62"
    assert disks[-1].find("source").get("file") == "/volumes/v62"


def test_booted_from_a_volume_there_is_no_local_root() -> None:
    root = parsed(image_id="", block_devices=[volume(0, boot_index=0, device_name="vda")])
    (disk,) = root.findall("devices/disk")
    assert disk.find("target").get("dev") == "vda"
    assert root.find("metadata/nova:instance/nova:root", namespaces=NOVA) is None


def test_ephemeral_swap_and_config_drive_have_files_of_their_own() -> None:
    flavor = request_spec_pb2.Flavor(name="big", vcpus=2, memory_mb=1024, root_gb=1, ephemeral_gb=5, swap_mb=64)
    files = [
        disk.find("source").get("file") for disk in parsed(flavor=flavor, config_drive=True).findall("devices/disk")
    ]
    assert [Path(file).name for file in files] == ["disk", "disk.eph0", "disk.swap", "disk.config"]


@pytest.mark.parametrize("connection", [{"driver_volume_type": "iscsi", "data": {}}, {"data": {"device_path": "../x"}}])
def test_a_volume_that_cannot_be_reached_is_refused(connection: dict[str, object]) -> None:
    with pytest.raises(LaunchError, match="volume v1"):
        parsed(block_devices=[volume(1, connection)])


def test_a_quota_of_the_flavor_becomes_tuning_and_a_bad_one_is_named() -> None:
    def flavor(value: str) -> request_spec_pb2.Flavor:
        return request_spec_pb2.Flavor(name="f", vcpus=1, memory_mb=64, extra_specs={"quota:cpu_shares": value})

    assert parsed(flavor=flavor("2048")).findtext("cputune/shares") == "2048"
    with pytest.raises(LaunchError, match="quota:cpu_shares"):
        parsed(flavor=flavor("<x/>"))


SHAPE = [element.tag for element in parsed(interfaces=[PORT]).iter()]


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text())
def test_any_text_of_a_user_is_kept_and_adds_no_element(name: str, project: str) -> None:
    root = parsed(interfaces=[PORT], display_name=_sendable(name), project_name=_sendable(project))
    assert [element.tag for element in root.iter()] == SHAPE
    found = root.findtext("metadata/nova:instance/nova:name", namespaces=NOVA) or ""
    # XML reads every line end as one line feed
    wanted = xml_text(_sendable(name)).replace("\r\n", "\n").replace("\r", "\n")
    assert found.replace("\r\n", "\n").replace("\r", "\n") == wanted


def _sendable(text: str) -> str:
    """What can travel in a message: no lone surrogates."""
    return text.encode(errors="replace").decode()


@pytest.mark.parametrize(
    "name", ["</name><emulator>/bin/sh</emulator>", "../../etc/passwd", "&shadow;", "a\x00b\x1f", "<![CDATA[x]]>"]
)
def test_tricks_in_names_stay_text(name: str) -> None:
    root = parsed(display_name=name)
    assert root.find("devices/emulator") is None
    assert root.findtext("metadata/nova:instance/nova:name", namespaces=NOVA) == xml_text(name)
    assert not [source for source in root.iter("source") if ".." in (source.get("file") or "")]
