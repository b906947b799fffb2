"""Volumes given to and taken from running servers."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest

from engine.boot.messages import SCHEDULE_TOPIC, Attach, Caller, Detach, compute_topic
from engine.boot.store.instances import InstanceRow, add_devices
from engine.boot.store.outbox import cast
from tests.boot.api.test_servers_read import active, change
from tests.boot.harness import BootApi, message_of


@pytest.fixture(scope="module")
def server(api: BootApi) -> InstanceRow:
    row = api.placed()
    active(api, row.uuid, root_device_name="/dev/vda")
    return row


def attach(api: BootApi, uuid: str, volume: str, version: str = "2.89", **fields: Any) -> Any:
    body = {"volumeAttachment": {"volumeId": volume, **fields}}
    return api.post(f"/servers/{uuid}/os-volume_attachments", body, version=version)


def test_a_volume_comes_and_goes(api: BootApi, server: InstanceRow) -> None:
    volume, path = api.volume(), f"/servers/{server.uuid}/os-volume_attachments"
    answer = attach(api, server.uuid, volume, device=None, tag="data", delete_on_termination=True)
    assert answer.status_code == 200, answer.text
    made = answer.json()["volumeAttachment"]
    assert (made["id"], made["volumeId"], made["serverId"]) == (volume, volume, server.uuid)
    assert (made["device"], made["tag"], made["delete_on_termination"]) == ("/dev/vdb", "data", True)
    assert api.volume_status(volume) == "reserved"
    topic = compute_topic(server.host)
    (message,) = (one for one in api.casts(topic) if isinstance(one, Attach) and one.instance_uuid == server.uuid)
    (listed,) = api.get(path, version="2.89").json()["volumeAttachments"]
    assert listed["bdm_uuid"] == message.block_device_uuid
    assert listed["attachment_id"]
    assert "id" not in listed
    assert api.get(f"{path}/{volume}", version="2.60").json()["volumeAttachment"] == {
        "id": volume,
        "volumeId": volume,
        "serverId": server.uuid,
        "device": "/dev/vdb",
    }
    assert message_of(attach(api, server.uuid, volume)) == f"Invalid volume: volume {volume} already attached"
    assert api.delete(f"{path}/{volume}").status_code == 202
    assert any(isinstance(one, Detach) and one.instance_uuid == server.uuid for one in api.casts(topic))
    assert not [one for one in api.casts(SCHEDULE_TOPIC) if isinstance(one, Attach)]


def test_refusals(api: BootApi, server: InstanceRow) -> None:
    missing = str(uuid4())
    answer = attach(api, server.uuid, missing)
    assert (answer.status_code, f"failed to get volume {missing}" in message_of(answer)) == (400, True)
    assert api.get(f"/servers/{server.uuid}/os-volume_attachments/{missing}").status_code == 404
    assert api.delete(f"/servers/{server.uuid}/os-volume_attachments/{missing}").status_code == 404
    assert attach(api, server.uuid, "x").status_code == 400
    assert attach(api, server.uuid, missing, device="../etc").status_code == 400
    assert attach(api, server.uuid, missing, surprise=1).status_code == 400
    assert attach(api, server.uuid, missing, "2.48", tag="x").status_code == 400
    assert attach(api, server.uuid, missing, "2.78", delete_on_termination=True).status_code == 400
    assert attach(api, api.placed().uuid, api.volume()).status_code == 409


def test_the_root_volume_stays(api: BootApi) -> None:
    volume = api.volume(bootable=True)
    device = {"uuid": volume, "source_type": "volume", "destination_type": "volume", "boot_index": 0}
    row = api.placed(imageRef="", block_device_mapping_v2=[device])
    active(api, row.uuid)
    answer = api.delete(f"/servers/{row.uuid}/os-volume_attachments/{volume}")
    assert (answer.status_code, message_of(answer)) == (403, "Cannot detach a root device volume")


def test_an_attachment_that_a_crash_broke_off_is_taken_back(api: BootApi, server: InstanceRow) -> None:
    volume, device = api.volume(), str(uuid4())
    base = f"{api.cloud.url('volume')}/v3"
    body = {"attachment": {"volume_uuid": volume, "connector": None, "instance_uuid": server.uuid}}
    reserved = api.session("demo").post(
        f"{base}/attachments", json=body, headers={"OpenStack-API-Version": "volume 3.44"}
    )
    assert reserved.ok
    half = {
        "uuid": device,
        "instance_uuid": server.uuid,
        "position": 9,
        "volume_id": volume,
        "source_type": "volume",
        "destination_type": "volume",
    }
    api.write(lambda connection: add_devices(connection, [half]))
    caller = Caller(token="t", user_id="u", project_id="p")
    message = Attach(instance_uuid=server.uuid, block_device_uuid=device, caller=caller)
    api.write(lambda connection: cast(connection, SCHEDULE_TOPIC, message, now=time.time()))
    deadline = time.monotonic() + 10
    while device in {one.uuid for one in api.devices(server.uuid)}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert api.volume_status(volume) == "available"


def test_locked(api: BootApi, server: InstanceRow) -> None:
    change(api, server.uuid, locked=True)
    try:
        assert attach(api, server.uuid, api.volume()).status_code == 409
    finally:
        change(api, server.uuid, locked=False)
