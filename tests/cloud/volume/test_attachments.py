"""Attachments: one winner, states that follow, and none ended under a running server."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cloud.calls import Caller
from tests.cloud.harness import Cloud
from tests.cloud.volume.made import Compute, available, begun, shown

CONNECTOR = {"ip": "127.0.0.1", "host": "cn1", "initiator": "iqn.x", "mountpoint": "/dev/sda"}


def reserved(who: Caller, volume: str, instance: str = "") -> str:
    body = {"volume_uuid": volume, "instance_uuid": instance or str(uuid.uuid4()), "connector": None}
    reply = who.post("/v3/attachments", json={"attachment": body})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["attachment"]["id"])


def attached(who: Caller, volume: str, instance: str = "") -> str:
    one = reserved(who, volume, instance)
    path = f"/v3/attachments/{one}"
    assert who.put(path, json={"attachment": {"connector": CONNECTOR}}).status_code == 200
    assert who.post(f"{path}/action", json={"os-complete": None}).status_code == 204
    return one


def test_a_volume_goes_from_reserved_to_in_use_and_back(running: Cloud, member: Caller, nova: Caller) -> None:
    volume, instance = available(member), str(uuid.uuid4())
    one = reserved(member, volume, instance)
    assert shown(member, volume)["status"] == "reserved"
    assert shown(member, volume)["attachments"] == []
    path = f"/v3/attachments/{one}"
    info = member.put(path, json={"attachment": {"connector": CONNECTOR}}).json()["attachment"]["connection_info"]
    assert info["driver_volume_type"] == "local"
    assert info["device_path"] == str(running.state_dir / "cloud" / "volumes" / volume)
    assert info["access_mode"] == "rw"
    assert shown(member, volume)["status"] == "attaching"
    assert member.post(f"{path}/action", json={"os-complete": None}).status_code == 204
    used = shown(member, volume)
    assert used["status"] == "in-use"
    assert used["attachments"][0]["server_id"] == instance
    assert used["attachments"][0]["device"] == "/dev/sda"
    assert used["attachments"][0]["host_name"] is None
    assert shown(nova, volume)["attachments"][0]["host_name"] == "cn1"
    assert member.delete(f"/v3/volumes/{volume}").status_code == 400
    assert nova.delete(f"/v3/volumes/{volume}?force=True").status_code == 400
    assert nova.delete(path).json() == {"attachments": []}
    assert shown(member, volume)["status"] == "available"
    assert nova.delete(path).status_code == 404


def test_of_many_who_reserve_a_volume_one_gets_it(member: Caller) -> None:
    volume = available(member)

    def ask(_: int) -> tuple[int, str]:
        body = {"volume_uuid": volume, "instance_uuid": str(uuid.uuid4()), "connector": None}
        reply = member.post("/v3/attachments", json={"attachment": body})
        return reply.status_code, reply.text

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))
    assert sorted(status for status, _ in answers) == [200] + [400] * 15
    refusal = next(text for status, text in answers if status == 400)
    assert f"Volume {volume} status must be available to reserve, but the current status is reserved" in refusal


def test_a_volume_that_is_being_deleted_is_not_reserved(member: Caller) -> None:
    for _ in range(5):
        volume = available(member)
        body = {"attachment": {"volume_uuid": volume, "connector": None}}
        with ThreadPoolExecutor(2) as pool:
            deletion = pool.submit(member.delete, f"/v3/volumes/{volume}")
            reservation = pool.submit(member.post, "/v3/attachments", json=body)
        answers = (deletion.result().status_code, reservation.result().status_code)
        assert answers in ((202, 400), (202, 404), (400, 200))


def test_several_attachments_need_a_type_that_allows_them(member: Caller, operator: Caller, nova: Caller) -> None:
    name = uuid.uuid4().hex
    specs = {"name": name, "extra_specs": {"multiattach": "<is> True"}}
    assert operator.post("/v3/types", json={"volume_type": specs}).status_code == 200
    volume = available(member, volume_type=name)
    first, second = attached(member, volume), attached(member, volume)
    assert shown(member, volume)["status"] == "in-use"
    left = nova.delete(f"/v3/attachments/{first}").json()["attachments"]
    assert [one["id"] for one in left] == [second]
    assert shown(member, volume)["status"] == "in-use"
    nova.delete(f"/v3/attachments/{second}")
    assert shown(member, volume)["status"] == "available"


def test_lists_and_their_filters(member: Caller, operator: Caller, nova: Caller) -> None:
    volume, instance = available(member), str(uuid.uuid4())
    one = attached(member, volume, instance)
    foreign = reserved(operator, available(operator), instance)

    def ids(who: Caller, query: str) -> set[str]:
        return {found["id"] for found in who.get(f"/v3/attachments?{query}").json()["attachments"]}

    assert ids(member, f"instance_id={instance}") == {one}
    assert ids(member, f"instance_id={instance}&all_tenants=1") == {one}
    assert ids(nova, f"instance_id={instance}&all_tenants=1") == {one, foreign}
    assert ids(nova, f"instance_id={instance}") == set()
    assert ids(member, f"volume_id={volume}&status=reserved") == set()
    full = member.get("/v3/attachments/detail?all_tenants=False&limit=1").json()
    assert len(full["attachments"]) == 1
    assert member.get(f"/v3/attachments/{one}").json()["attachment"]["status"] == "attached"
    assert member.get(f"/v3/attachments/{foreign}").status_code == 404
    assert member.delete(f"/v3/attachments/{foreign}").status_code == 404


def test_an_attachment_of_a_running_server_is_ended_by_services_alone(
    member: Caller, operator: Caller, nova: Caller, compute: Compute
) -> None:
    volume, instance = available(member), str(uuid.uuid4())
    one = attached(member, volume, instance)
    question = f"/v2.1/servers/{instance}/os-volume_attachments/{volume}"
    compute.answers[question] = (200, json.dumps({"volumeAttachment": {"attachment_id": one}}).encode())
    for who in (member, operator):
        refused = who.delete(f"/v3/attachments/{one}")
        assert refused.status_code == 409
        assert "using the Compute API" in refused.json()["conflictingRequest"]["message"]
    for broken in ((500, b"{}"), (200, b"no json"), (200, b'{"volumeAttachment": null}')):
        compute.answers[question] = broken
        assert member.delete(f"/v3/attachments/{one}").status_code == 503
    assert shown(member, volume)["status"] == "in-use"
    compute.answers[question] = (200, json.dumps({"volumeAttachment": {"attachment_id": one}}).encode())
    for_user = member.delete(f"/v3/attachments/{one}", headers={"X-Service-Token": nova.token})
    assert for_user.status_code == 200
    another = attached(member, volume, instance)
    compute.answers[question] = (404, b"{}")
    assert member.delete(f"/v3/attachments/{another}").status_code == 200


@pytest.mark.parametrize(
    "attachment",
    [
        {},
        {"volume_uuid": "no-uuid", "connector": None},
        {"volume_uuid": 5},
        {"instance_uuid": "no-uuid"},
        {"connector": {}},
        {"connector": "x"},
        {"mode": "rx"},
        {"unknown": 1},
    ],
)
def test_attachments_that_cannot_be_reserve_nothing(member: Caller, attachment: dict[str, object]) -> None:
    volume = available(member)
    body = {"volume_uuid": volume, **attachment} if attachment else {}
    assert member.post("/v3/attachments", json={"attachment": body}).status_code == 400
    assert shown(member, volume)["status"] == "available"


def test_what_is_not_there_or_not_ready(member: Caller, operator: Caller) -> None:
    missing = {"attachment": {"volume_uuid": str(uuid.uuid4()), "connector": None}}
    assert member.post("/v3/attachments", json=missing).status_code == 404
    theirs = {"attachment": {"volume_uuid": begun(operator), "connector": None}}
    assert member.post("/v3/attachments", json=theirs).status_code == 404
    one = reserved(member, available(member))
    assert member.post(f"/v3/attachments/{one}/action", json={"os-complete": None}).status_code == 400
    assert member.post(f"/v3/attachments/{one}/action", json={"os-nothing": None}).status_code == 400
    assert member.put(f"/v3/attachments/{one}", json={"attachment": {"connector": None}}).status_code == 400
    assert member.put("/v3/attachments/nothing", json={"attachment": {"connector": CONNECTOR}}).status_code == 404
    old = {"OpenStack-API-Version": "volume 3.26"}
    assert member.get("/v3/attachments", headers=old).status_code == 404
    assert member.post("/v3/attachments", json=missing, headers=old).status_code == 404


def test_a_detachment_is_announced_and_taken_back(member: Caller) -> None:
    volume = available(member)
    attached(member, volume)
    path = f"/v3/volumes/{volume}/action"
    assert member.post(path, json={"os-begin_detaching": None}).status_code == 202
    assert shown(member, volume)["status"] == "detaching"
    assert member.post(path, json={"os-roll_detaching": None}).status_code == 202
    assert shown(member, volume)["status"] == "in-use"


def test_a_read_only_volume_is_attached_for_reading(member: Caller) -> None:
    volume = available(member)
    flag = {"os-update_readonly_flag": {"readonly": True}}
    assert member.post(f"/v3/volumes/{volume}/action", json=flag).status_code == 202
    body = {"volume_uuid": volume, "connector": CONNECTOR}
    assert member.post("/v3/attachments", json={"attachment": {**body, "mode": "rw"}}).status_code == 400
    info = member.post("/v3/attachments", json={"attachment": body}).json()["attachment"]["connection_info"]
    assert info["access_mode"] == "ro"
