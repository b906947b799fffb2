"""The rules for block devices: boot order, kinds and sizes."""

from __future__ import annotations

from typing import Any

import pytest

from engine.boot.api.create_body import DeviceBody
from engine.boot.api.device_plan import DevicePlan, plan_devices
from engine.rest.errors import BadRequest

IMAGE, VOLUME, OTHER = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))


def plan(image: str = "", *devices: dict[str, Any], root_gb: int = 10, ephemeral_gb: int = 5) -> DevicePlan:
    bodies = [DeviceBody.model_validate(device) for device in devices]
    return plan_devices(image, bodies, root_gb=root_gb, ephemeral_gb=ephemeral_gb)


def image_local(**fields: Any) -> dict[str, Any]:
    return {"uuid": IMAGE, "source_type": "image", "destination_type": "local", "boot_index": 0, **fields}


def image_volume(**fields: Any) -> dict[str, Any]:
    return image_local(destination_type="volume", volume_size=2, **fields)


def volume(**fields: Any) -> dict[str, Any]:
    return {"uuid": VOLUME, "source_type": "volume", "destination_type": "volume", **fields}


def test_an_image_alone_is_the_root_disk() -> None:
    (root,) = plan(IMAGE).devices
    assert (root.source_type, root.destination_type, root.size_gb, root.boot_index) == ("image", "local", 10, 0)
    assert root.delete_on_termination


def test_what_the_openstack_client_sends_is_the_same() -> None:
    assert plan(IMAGE, image_local(delete_on_termination=True)) == plan(IMAGE)


def test_booting_from_volumes() -> None:
    given = plan("", volume(boot_index="0"))
    assert given.boots_from_volume
    assert given.volume_ids == [VOLUME]
    made = plan("", image_volume())
    assert made.boots_from_volume
    assert (made.root.image_id, made.root.size_gb) == (IMAGE, 2)


def test_a_volume_beside_an_image() -> None:
    both = plan(IMAGE, volume(boot_index=-1, device_name="/dev/vdb"))
    assert not both.boots_from_volume
    assert [device.device_name for device in both.devices] == ["", "vdb"]
    assert plan(IMAGE, image_local(), volume(boot_index=None)).root.image_id == IMAGE


def test_blank_disks() -> None:
    local = {"source_type": "blank", "destination_type": "local", "volume_size": 5}
    assert plan(IMAGE, local).devices[1].size_gb == 5
    remote = {"source_type": "blank", "destination_type": "volume", "volume_size": "7"}
    assert plan(IMAGE, remote).devices[1].size_gb == 7


@pytest.mark.parametrize(
    ("image", "devices", "said"),
    [
        ("", [], "Missing imageRef attribute"),
        ("", [volume()], "Boot sequence"),
        ("", [volume(boot_index=1)], "Boot sequence"),
        (IMAGE, [volume(boot_index=0)], "Boot sequence"),
        ("", [volume(boot_index=0), image_volume()], "Boot sequence"),
        (IMAGE, [volume(boot_index=2)], "Boot sequence"),
        (OTHER, [image_local()], "Boot sequence"),
        (IMAGE, [image_local(boot_index=-1, uuid=OTHER)], "Mapping image to local is not supported"),
        ("", [image_local(destination_type="volume")], "need to have a non-zero size"),
        (IMAGE, [{"source_type": "blank", "destination_type": "volume"}], "need to have non-zero size"),
        (IMAGE, [{"source_type": "blank", "volume_size": 6}], "Ephemeral disks requested are larger"),
        (IMAGE, [{"source_type": "blank", "volume_size": 1, "boot_index": 0}], "Boot sequence"),
        (IMAGE, [{"source_type": "blank", "volume_size": 1, "uuid": VOLUME}], "no uuid"),
        (IMAGE, [{"source_type": "blank", "volume_size": 1, "guest_format": "swap"}], "swap"),
        (IMAGE, [volume(uuid="cirros")], "is not a 'uuid'"),
        (IMAGE, [volume(uuid=None)], "is not a 'uuid'"),
        (IMAGE, [volume(destination_type="local")], "Mapping volume to local is not supported"),
        (IMAGE, [volume(), volume()], "named twice"),
        (IMAGE, [volume(device_name="vdb"), volume(uuid=OTHER, device_name="/dev/vdb")], "used twice"),
        (IMAGE, [{"source_type": "snapshot", "uuid": OTHER}], "snapshots"),
        ("", [image_local(volume_type="fast")], "volume_type with destination_type=local"),
    ],
)
def test_refusals(image: str, devices: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(BadRequest) as refused:
        plan(image, *devices)
    assert said.lower() in refused.value.message.lower()
