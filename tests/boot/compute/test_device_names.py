"""Names of disks: the root first, then free letters, the user's own kept."""

from __future__ import annotations

from engine.boot.compute.device_names import name_devices, root_device_name
from engine.v1.instance_pb2 import BlockDevice


def names(*devices: BlockDevice) -> list[str]:
    return [device.device_name for device in name_devices(devices)]


def test_the_root_is_vda_wherever_it_stands() -> None:
    assert names(BlockDevice(boot_index=-1), BlockDevice(boot_index=0), BlockDevice(boot_index=1)) == [
        "vdb",
        "vda",
        "vdc",
    ]


def test_names_given_are_kept_and_not_given_twice() -> None:
    given = [BlockDevice(boot_index=-1, device_name="/dev/vdb"), BlockDevice(boot_index=-1), BlockDevice(boot_index=0)]
    assert names(*given) == ["vdb", "vdc", "vda"]
    assert given[0].device_name == "/dev/vdb"


def test_the_root_gives_way_to_a_user_who_took_its_name() -> None:
    devices = name_devices([BlockDevice(boot_index=0), BlockDevice(boot_index=-1, device_name="vda")])
    assert [device.device_name for device in devices] == ["vdb", "vda"]
    assert root_device_name(devices) == "/dev/vdb"


def test_a_root_disk_without_a_record_keeps_the_first_letter() -> None:
    assert names(BlockDevice(boot_index=-1)) == ["vdb"]
    assert root_device_name([]) == "/dev/vda"


def test_there_is_a_name_for_every_one_of_many() -> None:
    found = names(BlockDevice(boot_index=0), *(BlockDevice(boot_index=-1) for _ in range(800)))
    assert len(set(found)) == 801
    assert found[25:28] == ["vdz", "vdaa", "vdab"]
    assert "vdzz" in found
