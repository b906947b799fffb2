"""Volumes with a real embedded volume service: made, attached, taken over, given back."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from engine.boot.effects import made_volumes, volumes
from engine.boot.effects.errors import BuildAbort, UndoFailed
from engine.boot.openstack import CallTrace, CloudNotFound, Clouds
from engine.v1 import instance_pb2 as v1
from tests.boot.effects.world import CONNECTOR, World, leftovers
from tests.boot.openstack.stage import PROJECT, USER, exchange, run, stage


def made(here: World, **fields: Any) -> v1.BlockDevice:
    """A root disk to be made of the image."""
    return v1.BlockDevice(
        **{
            "uuid": str(uuid.uuid4()),
            "source_type": "image",
            "destination_type": "volume",
            "image_id": here.image_id,
            "size_gb": 1,
            "boot_index": 0,
            "device_name": "vda",
            **fields,
        }
    )


def given(volume_id: str, **fields: Any) -> v1.BlockDevice:
    return v1.BlockDevice(
        **{
            "uuid": str(uuid.uuid4()),
            "source_type": "volume",
            "destination_type": "volume",
            "volume_id": volume_id,
            "boot_index": -1,
            "device_name": "vdb",
            **fields,
        }
    )


def local() -> v1.BlockDevice:
    return v1.BlockDevice(uuid=str(uuid.uuid4()), source_type="image", destination_type="local", boot_index=0)


def attach(here: World, clouds: Clouds, instance: v1.Instance, **options: Any) -> Any:
    options = {"poll_interval_s": 0.1, **options}
    return volumes.attach_all(clouds, instance, here.caller(), "h", CONNECTOR, **options)


async def status_of(clouds: Clouds, volume_id: str) -> str:
    """The status of a volume; one being deleted counts as gone."""
    try:
        status = str((await clouds.volumes.get(None, volume_id))["status"])
    except CloudNotFound:
        return "gone"
    return "gone" if status == "deleting" else status


def test_volumes_are_made_and_attached_and_released(here: World) -> None:
    instance = here.instance(
        block_devices=[made(here), made(here, source_type="blank", boot_index=-1, device_name="vdb")]
    )
    changes: list[v1.BlockDevice] = []

    async def on_change(device: v1.BlockDevice) -> None:
        copy = v1.BlockDevice()
        copy.CopyFrom(device)
        changes.append(copy)

    async def work(clouds: Clouds) -> None:
        trace = CallTrace()
        devices = await attach(here, clouds, instance, on_change=on_change, trace=trace)
        assert [device.uuid for device in devices] == [device.uuid for device in instance.block_devices]
        info = json.loads(devices[0].connection_info_json)
        assert info["driver_volume_type"] == "local"
        assert info["data"]["device_path"]
        assert {change.uuid for change in changes} == {device.uuid for device in devices}
        assert all(change.volume_id for change in changes)
        assert trace.token_check("block-storage") is not None
        attached = v1.Instance(uuid=instance.uuid, project_id=instance.project_id, block_devices=devices)
        await volumes.complete_all(clouds, attached, here.caller())
        await volumes.complete_all(clouds, attached, here.caller())
        assert await status_of(clouds, devices[0].volume_id) == "in-use"
        volume = await clouds.volumes.get(None, devices[0].volume_id)
        assert volume["bootable"] == "true"
        assert volume["metadata"] == {"berth_block_device": devices[0].uuid}
        await volumes.release(clouds, attached, failed_build=True)
        await volumes.release(clouds, attached, failed_build=True)
        assert await leftovers(clouds, attached) == []

    here.run(work)


def test_local_disks_need_no_volume_service(here: World) -> None:
    instance, trace = here.instance(block_devices=[local()]), CallTrace()

    async def work(clouds: Clouds) -> None:
        assert await attach(here, clouds, instance, trace=trace) == list(instance.block_devices)
        await volumes.complete_all(clouds, instance, here.caller(), trace=trace)
        await volumes.release(clouds, instance, failed_build=True)

    here.run(work)
    assert trace.calls == []


def test_a_reserved_volume_is_attached_and_outlives_a_failed_build(here: World) -> None:
    volume_id = here.volume()
    instance = here.instance(block_devices=[given(volume_id, delete_on_termination=True), local()])

    async def work(clouds: Clouds) -> None:
        reserved = await clouds.volumes.create_attachment(here.caller(), volume_id, instance.uuid)
        instance.block_devices[0].attachment_id = reserved["id"]
        (device, _) = await attach(here, clouds, instance)
        assert device.attachment_id == reserved["id"]
        await volumes.release(clouds, instance, failed_build=True)
        assert await status_of(clouds, volume_id) == "available"
        # the next host: the reservation that the record names is gone
        (again, _) = await attach(here, clouds, instance)
        assert again.attachment_id not in ("", reserved["id"])
        instance.block_devices[0].CopyFrom(again)
        await volumes.complete_all(clouds, instance, here.caller())
        await volumes.release(clouds, instance, failed_build=False)
        assert await status_of(clouds, volume_id) == "gone"

    here.run(work)


def test_the_end_of_an_instance_spares_volumes_that_are_to_stay(here: World) -> None:
    volume_id = here.volume()
    instance = here.instance(block_devices=[made(here), given(volume_id)])

    async def work(clouds: Clouds) -> None:
        devices = await attach(here, clouds, instance)
        ended = v1.Instance(uuid=instance.uuid, project_id=instance.project_id, block_devices=devices)
        await volumes.release(clouds, ended, failed_build=False)
        assert [await status_of(clouds, device.volume_id) for device in devices] == ["available", "available"]
        assert await clouds.volumes.list_attachments(instance.uuid) == []
        await clouds.volumes.delete(devices[0].volume_id)

    here.run(work)


def test_an_interrupted_try_is_taken_over(here: World) -> None:
    instance = here.instance(block_devices=[made(here)])

    async def work(clouds: Clouds) -> None:
        (first,) = await attach(here, clouds, instance)
        # the record has nothing of it, as after a crash
        (again,) = await attach(here, clouds, instance, resume=True)
        assert (again.volume_id, again.attachment_id) == (first.volume_id, first.attachment_id)
        await volumes.release(clouds, instance, failed_build=True)
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_a_foreign_volume_that_claims_to_be_the_instances_is_left_alone(here: World) -> None:
    device = made(here)
    instance = here.instance(block_devices=[device])
    admin = here.cloud.session("admin")
    body = {"volume": {"size": 1, "metadata": {"berth_block_device": device.uuid}}}
    foreign = admin.post(f"{here.cloud.url('volume')}/v3/volumes", json=body).json()["volume"]["id"]

    async def work(clouds: Clouds) -> None:
        (attached,) = await attach(here, clouds, instance, resume=True)
        assert attached.volume_id != foreign
        await volumes.release(clouds, instance, failed_build=True)
        assert await status_of(clouds, foreign) != "gone"
        await made_volumes.delete(clouds, foreign, within_s=5)

    here.run(work)


def test_a_volume_that_fails_to_be_made_aborts_in_novas_words(here: World) -> None:
    instance = here.instance(block_devices=[made(here)])
    here.break_down({"part": "volume", "point": "create_volume", "value": "error"})

    async def work(clouds: Clouds) -> None:
        words = (
            r"Volume [0-9a-f-]{36} did not finish being created even after we waited \d+ seconds or \d+ attempts\. "
            r"And its status is error\."
        )
        with pytest.raises(BuildAbort, match=words):
            await attach(here, clouds, instance)
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_a_volume_that_never_comes_is_given_up_and_not_left_behind(here: World) -> None:
    instance = here.instance(block_devices=[made(here)])
    here.break_down({"part": "volume", "point": "create_volume", "value": "stuck"})

    async def work(clouds: Clouds) -> None:
        with pytest.raises(BuildAbort, match=r"or 3 attempts\. And its status is (creating|downloading)"):
            await attach(here, clouds, instance, poll_attempts=3)
        await volumes.release(clouds, instance, failed_build=True, delete_within_s=0.5)
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_a_volume_still_being_made_is_waited_for_and_deleted(here: World) -> None:
    instance = here.instance(block_devices=[made(here)])
    here.break_down({"part": "volume", "point": "create_volume", "delay_s": 1.5})

    async def work(clouds: Clouds) -> None:
        building = asyncio.ensure_future(attach(here, clouds, instance))
        await asyncio.sleep(0.4)
        building.cancel()
        await asyncio.wait({building})
        assert len(await leftovers(clouds, instance)) == 1
        await volumes.release(clouds, instance, failed_build=True, delete_within_s=10)
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_an_attachment_that_is_refused_aborts_in_novas_words(here: World) -> None:
    volume_id = here.volume()
    instance = here.instance(block_devices=[made(here), given(volume_id)])
    here.break_down({"part": "volume", "point": "PUT /v3/attachments/.*", "status": 500, "message": "no target"})

    async def work(clouds: Clouds) -> None:
        with pytest.raises(BuildAbort, match=r"Unable to update attachment \(no target\)"):
            await attach(here, clouds, instance)
        assert await leftovers(clouds, instance) == []
        assert await status_of(clouds, volume_id) == "available"

    here.run(work)


def test_a_volume_that_another_instance_has_is_not_taken_from_it(here: World) -> None:
    volume_id, other = here.volume(), here.instance()

    async def work(clouds: Clouds) -> None:
        await clouds.volumes.create_attachment(here.caller(), volume_id, other.uuid)
        with pytest.raises(BuildAbort):
            await attach(here, clouds, here.instance(block_devices=[given(volume_id)]))
        assert len(await clouds.volumes.list_attachments(other.uuid)) == 1

    here.run(work)


def test_the_volume_quota_aborts(here: World) -> None:
    words = "VolumeLimitExceeded: Maximum number of volumes allowed (0) exceeded for quota 'volumes'."
    here.break_down({"part": "volume", "point": "POST /v3/volumes", "status": 413, "message": words})

    async def work(clouds: Clouds) -> None:
        with pytest.raises(BuildAbort, match="Volume resource quota exceeded"):
            await attach(here, clouds, here.instance(block_devices=[made(here)]))

    here.run(work)


def test_a_revoked_token_aborts_and_leaves_nothing(here: World) -> None:
    who, instance = here.caller(), here.instance(block_devices=[made(here)])
    here.break_down({"part": "volume", "point": "create_volume", "delay_s": 0.6})

    async def work(clouds: Clouds) -> None:
        building = asyncio.ensure_future(volumes.attach_all(clouds, instance, who, "h", CONNECTOR, poll_interval_s=0.1))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(
            here.demo.delete,
            f"{here.cloud.options.identity_url}/auth/tokens",
            headers={"X-Subject-Token": who.token},
        )
        # said by the service that was asked, or by the one that it asked in the user's name
        refused = r"token of the request is not valid any more|unable to access requested image"
        with pytest.raises(BuildAbort, match=refused):
            await building
        await volumes.release(clouds, instance, failed_build=True)
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_a_running_instance_gains_and_loses_a_volume(here: World) -> None:
    volume_id, kept = here.volume(), here.volume()
    instance = here.instance()
    device = given(volume_id, delete_on_termination=True)

    async def work(clouds: Clouds) -> None:
        who = here.caller()
        await clouds.volumes.create_attachment(who, kept, instance.uuid)
        device.attachment_id = (await clouds.volumes.create_attachment(who, volume_id, instance.uuid))["id"]
        attached = await volumes.attach_one(clouds, instance, device, who, "h", CONNECTOR)
        assert attached.attachment_id == device.attachment_id
        assert attached.connection_info_json
        await volumes.complete_one(clouds, attached, who)
        assert await status_of(clouds, volume_id) == "in-use"
        await volumes.detach_one(clouds, instance, attached)
        await volumes.detach_one(clouds, instance, attached)
        assert await status_of(clouds, volume_id) == "available"
        assert len(await clouds.volumes.list_attachments(instance.uuid)) == 1

    here.run(work)


def test_what_cannot_be_released_is_told_and_released_later(here: World) -> None:
    instance = here.instance(block_devices=[made(here)])

    async def work(clouds: Clouds) -> None:
        await attach(here, clouds, instance)
        here.break_down({"part": "volume", "point": "DELETE /v3/attachments/.*", "status": 500, "message": "stuck"})
        with pytest.raises(UndoFailed, match=r"attachment .* could not be undone: stuck"):
            await volumes.release(clouds, instance, failed_build=True, delete_within_s=0.2)
        here.break_down({"part": "volume", "point": "GET /v3/volumes/detail", "status": 500, "message": "blind"})
        with pytest.raises(UndoFailed, match="blind"):
            await volumes.release(clouds, instance, failed_build=True)
        here.break_down()
        await volumes.release(clouds, instance, failed_build=True)
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_a_real_cinders_answers_become_the_device() -> None:
    reserved = exchange("POST", "/v3/attachments")
    attachment = reserved.reply["attachment"]
    updated = exchange("PUT", f"/v3/attachments/{attachment['id']}")
    device = given(attachment["volume_id"], device_name="sda")
    instance = v1.Instance(uuid=attachment["instance"], project_id=PROJECT, block_devices=[device])
    connector = {"ip": "127.0.0.1", "initiator": "fake"}
    with stage() as play:
        play.play(reserved)
        play.play(updated)
        (got,) = run(lambda clouds: volumes.attach_all(clouds, instance, USER, "cn2", connector), play.options())
        assert [seen.body for seen in play.requests] == [reserved.request, updated.request]
    assert got.attachment_id == attachment["id"]
    assert json.loads(got.connection_info_json)["data"]["access_mode"] == "rw"
