"""Volumes: at the boot, made of an image, and attached and detached later."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.boot.compute.harness import Stack


def of_image(running: Stack, **fields: Any) -> dict[str, Any]:
    return {
        "source_type": "image",
        "destination_type": "volume",
        "image_id": running.image_id,
        "size_gb": 1,
        "boot_index": 0,
        "delete_on_termination": True,
        **fields,
    }


def given(volume_id: str, attachment_id: str = "", **fields: Any) -> dict[str, Any]:
    return {
        "source_type": "volume",
        "destination_type": "volume",
        "volume_id": volume_id,
        "attachment_id": attachment_id,
        **fields,
    }


def status(running: Stack, volume_id: str) -> str:
    return str(running.run(running.clouds.volumes.get(None, volume_id))["status"])


def test_a_boot_from_a_new_volume(running: Stack) -> None:
    (name,) = running.boot(on_volume=True, devices=[of_image(running)])
    running.wait_active(name)
    (device,) = running.devices(name)
    assert device.device_name == "vda"
    assert status(running, device.volume_id) == "in-use"
    assert [item["id"] for item in running.attachments(name)] == [device.attachment_id]
    steps = {step.step: step for step in running.steps(name)}
    assert steps[19].detail == "boots from a volume"
    assert device.volume_id in steps[27].detail
    assert steps[26].detail.startswith("token")
    running.delete(name)
    running.wait(lambda: running.row(name).deleted)
    running.assert_nothing_left(name)
    assert running.attachments(name) == []
    running.wait(lambda: device.volume_id not in [volume["id"] for volume in running.volumes()])


def test_a_volume_of_the_users_is_attached_and_kept(running: Stack) -> None:
    volume = running.make_volume()
    (name,) = running.boot(devices=[given(volume)])
    running.wait_active(name)
    assert status(running, volume) == "in-use"
    running.delete(name)
    running.wait(lambda: running.row(name).deleted)
    assert status(running, volume) == "available"


@pytest.mark.parametrize("point", ["spawn", "before_finish"])
def test_a_failed_build_leaves_no_volume_and_no_attachment(running: Stack, point: str) -> None:
    mine = running.make_volume()
    before = {volume["id"] for volume in running.volumes()}
    running.faults({"point": point, "status": 500})
    (name,) = running.boot(on_volume=True, devices=[of_image(running, delete_on_termination=False), given(mine)])
    running.wait_error(name)
    running.assert_nothing_left(name)
    assert running.attachments(name) == []
    assert status(running, mine) == "available"
    running.wait(lambda: {volume["id"] for volume in running.volumes()} <= before)


def test_a_volume_that_cannot_be_made_ends_the_build(running: Stack) -> None:
    running.cloud_faults({"part": "volume", "point": "create_volume", "value": "error", "times": 1})
    (name,) = running.boot(on_volume=True, devices=[of_image(running)])
    assert "did not finish being created" in running.wait_error(name).message
    assert running.row(name).attempt == 1
    running.assert_nothing_left(name)


def test_a_build_that_waits_for_its_volume_can_be_deleted(running: Stack) -> None:
    running.cloud_faults({"part": "volume", "point": "create_volume", "delay_s": 1.5, "times": 1})
    (name,) = running.boot(on_volume=True, devices=[of_image(running)])
    running.wait(lambda: running.row(name).task_state == "block_device_mapping")
    running.delete(name)
    running.wait(lambda: running.row(name).deleted)
    running.assert_nothing_left(name)
    assert running.attachments(name) == []
    running.wait(lambda: running.volumes() == [] or all(item["status"] != "creating" for item in running.volumes()))


def test_a_volume_is_attached_to_a_running_instance_and_detached(running: Stack) -> None:
    volume = running.make_volume()
    (name,) = running.boot(networks=[])
    running.wait_active(name)
    device = running.attach(name, volume)
    running.wait(lambda: status(running, volume) == "in-use")
    running.wait(lambda: [item.device_name for item in running.devices(name)] == ["vdb"])
    running.detach(name, device)
    running.wait(lambda: status(running, volume) == "available")
    running.wait(lambda: running.devices(name) == [])
    running.detach(name, device)
    running.wait(lambda: not running.messages())


def test_an_attach_that_the_launcher_refuses_is_undone(running: Stack) -> None:
    volume = running.make_volume()
    (name,) = running.boot(networks=[])
    running.wait_active(name)
    running.faults({"point": "attach_volume", "status": 500})
    running.attach(name, volume)
    running.wait(lambda: running.devices(name) == [])
    assert status(running, volume) == "available"
    assert running.attachments(name) == []
    assert running.row(name).vm_state == "active"


def test_an_attach_of_a_device_that_is_not_recorded_does_nothing(running: Stack) -> None:
    (name,) = running.boot(networks=[])
    running.wait_active(name)
    running.detach(name, str(uuid.uuid4()))
    running.wait(lambda: not running.messages())
    assert running.row(name).vm_state == "active"
