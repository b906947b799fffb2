"""Who may not: wrong passwords, revoked tokens, other projects' things, what only administrators may do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.system.drills import Drill, User

NOBODY = "7d1bd2cc-5e38-4d0b-8b93-8a4b3a0bd5f1"
"""The id of nothing."""


# who asks


def test_a_wrong_password_is_told_like_an_unknown_user(drilled: Drill) -> None:
    url = f"{drilled.cloud.settings.cloud.identity_url}/auth/tokens"
    answers = []
    for name, password in (("demo", "wrong"), ("nobody-of-this-name", "wrong"), ("demo", ""), ("demo", "x" * 4000)):
        user = {"name": name, "domain": {"name": "Default"}, "password": password}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
        reply = requests.post(url, json=body, timeout=10)
        assert reply.status_code == 401
        assert "X-Subject-Token" not in reply.headers
        answers.append(reply.json()["error"]["message"])
    assert len(set(answers)) == 1


def test_a_revoked_token_is_refused_soon(drill: Drill) -> None:
    password = drill.cloud.settings.cloud.member_password.get_secret_value()
    token = drill.session("demo", password, "demo").get_token()
    url = f"{drill.demo.compute.get_endpoint()}/servers"
    assert requests.get(url, headers={"X-Auth-Token": token}, timeout=10).status_code == 200
    revoked = {"X-Auth-Token": drill.demo.token, "X-Subject-Token": token}
    identity = drill.cloud.settings.cloud.identity_url
    assert requests.delete(f"{identity}/auth/tokens", headers=revoked, timeout=10).status_code == 204
    time.sleep(0.6)
    assert requests.get(url, headers={"X-Auth-Token": token}, timeout=10).status_code == 401
    asked = requests.post(url, json=drill.body("revoked"), headers={"X-Auth-Token": token}, timeout=10)
    assert asked.status_code == 401


def test_a_token_revoked_while_building_ends_the_build_and_leaves_nothing(drill: Drill) -> None:
    password = drill.cloud.settings.cloud.member_password.get_secret_value()
    user = User(drill.cloud, drill.session("demo", password, "demo"))
    drill.cloud.faults([drill.hold(delay_s=1.2)])
    with drill.own_volume() as volume:
        server = drill.boot("revoked", user=user, block_device_mapping_v2=drill.given_volume(volume))
        revoked = {"X-Auth-Token": drill.demo.token, "X-Subject-Token": user.token}
        identity = drill.cloud.settings.cloud.identity_url
        assert requests.delete(f"{identity}/auth/tokens", headers=revoked, timeout=10).status_code == 204
        fault = drill.failed(server)
    assert fault.startswith(f"Build of instance {server} aborted: ")
    assert "it was revoked" in fault
    assert len(drill.tried(server)) == 1


# what is another project's


@pytest.fixture
def foreign(drill: Drill) -> Iterator[dict[str, str]]:
    """Things of the demo project, for another project to try on."""
    with drill.own_image() as image, drill.own_network("192.0.2.0/24") as network, drill.own_volume() as volume:
        port = drill.demo.network.post("/v2.0/ports", json={"port": {"network_id": network}}).json()["port"]["id"]
        server = drill.running(drill.boot("not-yours"))["id"]
        group = {"server_group": {"name": "not-yours", "policy": "affinity"}}
        group_id = drill.demo.compute.post("/os-server-groups", json=group).json()["server_group"]["id"]
        security = {"security_group": {"name": "not-yours"}}
        security_id = drill.demo.network.post("/v2.0/security-groups", json=security).json()["security_group"]["id"]
        yield {
            "server": server, "image": image, "network": network, "volume": volume, "port": port,
            "group": group_id, "security_group": security_id,
        }  # fmt: skip
        assert drill.show(server)["status"] == "ACTIVE"
        drill.delete(server)
        assert drill.demo.compute.delete(f"/os-server-groups/{group_id}").status_code == 204
        assert drill.demo.network.delete(f"/v2.0/ports/{port}").status_code == 204
        assert drill.demo.network.delete(f"/v2.0/security-groups/{security_id}").status_code == 204


def test_what_is_another_projects_cannot_be_seen_or_changed(drill: Drill, foreign: dict[str, str]) -> None:
    other = drill.user_of("other")
    server = foreign["server"]
    compute = other.compute
    for path in ("", "/os-instance-actions", "/metadata", "/os-volume_attachments", "/os-interface", "/tags"):
        assert compute.get(f"/servers/{server}{path}").status_code == 404, path
    assert compute.delete(f"/servers/{server}").status_code == 404
    assert compute.put(f"/servers/{server}", json={"server": {"name": "mine"}}).status_code == 404
    for action in ({"os-stop": None}, {"reboot": {"type": "HARD"}}, {"os-getConsoleOutput": {}}):
        assert compute.post(f"/servers/{server}/action", json=action).status_code == 404
    attach = {"volumeAttachment": {"volumeId": foreign["volume"]}}
    assert compute.post(f"/servers/{server}/os-volume_attachments", json=attach).status_code == 404
    assert compute.post(f"/servers/{server}/metadata", json={"metadata": {"a": "b"}}).status_code == 404
    assert compute.get("/servers/detail").json()["servers"] == []
    everything = compute.get("/servers/detail?all_tenants=1")
    assert everything.status_code == 403 or everything.json()["servers"] == []
    by_project = compute.get(f"/servers/detail?project_id={drill.demo.project_id}")
    assert by_project.status_code in (200, 400, 403)
    assert server not in by_project.text
    assert compute.get(f"/os-server-groups/{foreign['group']}").status_code == 404
    assert compute.delete(f"/os-server-groups/{foreign['group']}").status_code == 404
    assert other.image.get(f"/v2/images/{foreign['image']}").status_code == 404
    assert other.image.get(f"/v2/images/{foreign['image']}/file").status_code == 404
    assert other.image.delete(f"/v2/images/{foreign['image']}").status_code == 404
    for kind in ("network", "port", "security_group"):
        path = f"/v2.0/{kind.replace('_', '-')}s/{foreign[kind]}"
        assert other.network.get(path).status_code == 404
        assert other.network.delete(path).status_code == 404
    assert other.volume.get(f"/volumes/{foreign['volume']}").status_code == 404
    assert other.volume.delete(f"/volumes/{foreign['volume']}").status_code == 404
    reserve = {"attachment": {"volume_uuid": foreign["volume"], "connector": None, "instance_uuid": NOBODY}}
    assert other.volume.post("/attachments", json=reserve).status_code == 404
    assert drill.volume_status(foreign["volume"]) == "available"


def test_what_is_another_projects_cannot_be_booted(drill: Drill, foreign: dict[str, str]) -> None:
    other = drill.user_of("other")
    tries: list[dict[str, Any]] = [
        {"imageRef": foreign["image"]},
        {"networks": [{"uuid": foreign["network"]}]},
        {"networks": [{"port": foreign["port"]}]},
        {"block_device_mapping_v2": drill.given_volume(foreign["volume"])},
        {"security_groups": [{"name": foreign["security_group"]}]},
        {"security_groups": [{"name": "not-yours"}]},
    ]
    for changes in tries:
        reply = drill.ask("theirs", user=other, **changes)
        assert reply.status_code in (400, 403, 404), (changes, reply.text)
    body = drill.body("theirs") | {"os:scheduler_hints": {"group": foreign["group"]}}
    assert other.compute.post("/servers", json=body).status_code == 400
    own = drill.boot("mine", user=other)
    drill.running(own)
    attach = {"volumeAttachment": {"volumeId": foreign["volume"]}}
    assert other.compute.post(f"/servers/{own}/os-volume_attachments", json=attach).status_code in (400, 404)
    assert drill.demo.compute.get(f"/servers/{own}").status_code == 404
    assert len(drill.all_servers()) == 2


def test_a_member_may_not_do_what_administrators_may(drilled: Drill) -> None:
    compute = drilled.demo.compute
    flavor = {"flavor": {"name": "mine", "vcpus": 1, "ram": 1, "disk": 1}}
    for reply in (
        compute.post("/flavors", json=flavor),
        compute.get("/os-services"),
        compute.get("/os-hypervisors"),
        compute.post("/os-aggregates", json={"aggregate": {"name": "mine"}}),
        compute.put(f"/os-quota-sets/{drilled.demo.project_id}", json={"quota_set": {"cores": -1}}),
        compute.post("/os-server-external-events", json={"events": []}),
        drilled.ask("on-host", availability_zone="nova:host-1"),
        drilled.ask("on-host", host="host-1"),
        drilled.demo.network.put(f"/v2.0/quotas/{drilled.demo.project_id}", json={"quota": {"port": -1}}),
        drilled.demo.volume.put(f"/os-quota-sets/{drilled.demo.project_id}", json={"quota_set": {"volumes": -1}}),
    ):
        assert reply.status_code == 403, (reply.url, reply.text)
