"""What users get wrong, or try on: they are refused and told why; nothing is stored, nothing foreign is seen."""

from __future__ import annotations

import json
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.system.drills import Drill, User, base64_of, message_of, qcow2
from tests.system.shell import OpenStackShell

NOBODY = "7d1bd2cc-5e38-4d0b-8b93-8a4b3a0bd5f1"
"""The id of nothing."""

TRICKS = (
    "</name><devices><disk/></devices>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    "]]><![CDATA[ & \"quoted\" 'both'",
    "../../../../etc/passwd",
    "/etc/passwd",
    "a/../b",
    "..",
    "%2e%2e%2f %00 %n %s",
    "'; DROP TABLE instances; --",
    "$(reboot) `reboot` ; reboot",
    "-rf",
    "ünïcödé 虚拟机 🚢",
    "x" * 255,
)


def post(user: User, path: str, data: bytes | str, **headers: str) -> requests.Response:
    """Send a body as it is to nova-api."""
    sent = {"X-Auth-Token": user.token, "Content-Type": "application/json"} | headers
    body = data.encode() if isinstance(data, str) else data
    return requests.post(f"{user.compute.get_endpoint()}{path}", data=body, headers=sent, timeout=30)


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


# what there is not, or twice


@pytest.mark.parametrize(
    "changes",
    [
        {"imageRef": NOBODY},
        {"imageRef": "../v2/images"},
        {"imageRef": "http://elsewhere.example/v2/images/1"},
        {"flavorRef": NOBODY},
        {"flavorRef": "no such flavor"},
        {"flavorRef": 2**62},
        {"networks": [{"uuid": NOBODY}]},
        {"networks": [{"port": NOBODY}]},
        {"networks": [{"uuid": "not-a-uuid"}]},
        {"networks": [{}]},
        {"networks": "some"},
        {"key_name": "no such key"},
        {"security_groups": [{"name": "no such group"}]},
        {"availability_zone": "no such zone"},
        {"availability_zone": "nova:no-such-host"},
        {"imageRef": "", "block_device_mapping_v2": [{"source_type": "volume", "uuid": NOBODY}]},
        {"block_device_mapping_v2": [{"source_type": "snapshot", "uuid": NOBODY, "boot_index": 0}]},
    ],
)
def test_what_there_is_not_is_refused(drilled: Drill, changes: dict[str, Any]) -> None:
    reply = drilled.ask("unknown", **changes)
    assert reply.status_code in (400, 403, 404), reply.text
    assert message_of(reply, reply.status_code)
    assert drilled.all_servers() == []


def test_unknown_servers_are_not_found(drilled: Drill) -> None:
    compute = drilled.demo.compute
    for name in (NOBODY, "no-such-server", "..%2f..%2fflavors", "%00", "x" * 2000, "0", "détail"):
        assert compute.get(f"/servers/{name}").status_code == 404
        assert compute.delete(f"/servers/{name}").status_code == 404
        assert compute.post(f"/servers/{name}/action", json={"os-stop": None}).status_code == 404
        assert compute.get(f"/flavors/{name}").status_code == 404
        assert compute.get(f"/os-keypairs/{name}").status_code == 404
        assert drilled.demo.network.get(f"/v2.0/networks/{name}").status_code == 404
        assert drilled.demo.image.get(f"/v2/images/{name}").status_code == 404
        assert drilled.demo.volume.get(f"/volumes/{name}").status_code == 404


def test_a_name_of_two_servers_is_told_by_the_client_and_ids_still_work(drill: Drill) -> None:
    first, second = (drill.running(drill.boot("twins"))["id"] for _ in range(2))
    shell = OpenStackShell(drill.cloud)
    assert "More than one" in shell.fails("server", "show", "twins")
    assert "More than one" in shell.fails("server", "delete", "twins")
    assert shell.json("server", "show", first)["id"] == first
    assert {server["id"] for server in drill.all_servers()} == {first, second}


def test_a_security_group_name_that_matches_two_is_refused(drill: Drill) -> None:
    network = drill.demo.network
    made = [
        network.post("/v2.0/security-groups", json={"security_group": {"name": "twins"}}).json()["security_group"]["id"]
        for _ in range(2)
    ]
    message = message_of(drill.ask("which-group", security_groups=[{"name": "twins"}]), 409)
    assert message == "Multiple security groups found matching 'twins'. Use an ID to be more specific."
    server = drill.boot("this-group", security_groups=[{"name": made[0]}])
    drill.running(server)
    drill.delete(server)
    for group in made:
        assert network.delete(f"/v2.0/security-groups/{group}").status_code == 204


# too large, too small, malformed


@pytest.mark.parametrize(
    "changes",
    [
        {"min_count": 10**9, "max_count": 10**9},
        {"min_count": 10**30},
        {"min_count": 0},
        {"min_count": -1},
        {"min_count": 3, "max_count": 2},
        {"name": "x" * 256},
        {"name": ""},
        {"name": "   "},
        {"name": None},
        {"name": 7},
        {"name": "nul\0byte"},
        {"name": "line\nbreak"},
        {"metadata": {"k" * 256: "v"}},
        {"metadata": {"k": "v" * 256}},
        {"metadata": {"../etc/passwd": "v"}},
        {"metadata": {"<key>": "v"}},
        {"metadata": {f"k{number}": "v" for number in range(200)}},
        {"metadata": {"k": 7}},
        {"tags": ["x" * 61]},
        {"tags": ["a/b"]},
        {"tags": [f"t{number}" for number in range(60)]},
        {"user_data": "not base64!"},
        {"user_data": base64_of(b"x" * 10_000_000)},
        {"hostname": "-rf.."},
        {"hostname": "../etc"},
        {"description": "x" * 300},
        {"adminPass": "x" * 300},
        {"networks": [{"uuid": NOBODY}] * 1000},
        {"block_device_mapping_v2": [{"source_type": "blank", "volume_size": 1}] * 1000},
        {"unknown_field": 1},
        {"config_drive": "perhaps"},
        {"os:scheduler_hints": {}},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_absurd_fields_are_refused(drilled: Drill, changes: dict[str, Any]) -> None:
    named = {"name": "absurd"} | changes
    reply = drilled.ask(named.pop("name"), **named)
    assert reply.status_code in (400, 403), reply.text
    assert message_of(reply, reply.status_code)
    assert len(reply.text) < 2000
    assert drilled.all_servers() == []


@pytest.mark.parametrize("size", [-1, 0, 10**6, 10**18, 2**31, 2**63, 10**40, 1.5, "many", True, None])
def test_a_volume_of_absurd_size_is_refused_or_ends_in_a_reason(drill: Drill, size: Any) -> None:
    reply = drill.ask("absurd-volume", block_device_mapping_v2=drill.made_volume(size=size))
    if reply.status_code == 202:
        assert drill.failed(reply.json()["server"]["id"]).startswith("Build of instance")
    else:
        assert reply.status_code in (400, 403), reply.text


def test_a_body_larger_than_any_request_is_refused(drilled: Drill) -> None:
    body = json.dumps(drilled.body("large", user_data="A" * 20_000_000))
    assert post(drilled.demo, "/servers", body).status_code == 413
    assert drilled.all_servers() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"{",
        b"\xff\xfe\x00",
        b"{}",
        b'{"server": null}',
        b'{"server": []}',
        b'{"server": {}}',
        b'{"server": {"name": "\\ud800"}}',
        b'{"server": {"name": "a", "name": "b"}}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"server": ' + b"9" * 10_000 + b"}",
        b"<server name='x'/>",
        b"server[name]=x",
        b'{"server": {"name": 1e400}}',
        b'{"server": {"name": NaN}}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_garbage_bodies_are_refused_everywhere(drilled: Drill, body: bytes) -> None:
    for path in ("/servers", "/os-keypairs", "/os-server-groups", f"/servers/{NOBODY}/action"):
        reply = post(drilled.demo, path, body)
        assert reply.status_code in (400, 404, 415), (path, reply.text)
        assert len(reply.text) < 2000
    for path in ("/flavors", "/os-aggregates", "/os-server-external-events"):
        assert post(drilled.admin, path, body).status_code in (400, 415), path
    for adapter, path in (
        (drilled.demo.network, "/v2.0/networks"),
        (drilled.demo.network, "/v2.0/ports"),
        (drilled.demo.image, "/v2/images"),
        (drilled.demo.volume, "/volumes"),
        (drilled.demo.volume, "/attachments"),
        (drilled.demo.identity, "/auth/tokens"),
    ):
        if (path, body) == ("/v2/images", b"{}"):
            # an image may have no name and no format until its data come
            continue
        reply = adapter.post(path, data=body, headers={"Content-Type": "application/json"})
        assert reply.status_code in (400, 401, 413, 415), (reply.url, reply.text)


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1", "limit=abc", "limit=1e3", "marker=no-such-server", f"marker={NOBODY}", "sort_key=password",
        "sort_key=1;DROP", "sort_dir=sideways", "changes-since=yesterday", "changes-since=99999-01-01",
        "name=(((", "name=[", f"name={'(a*)*' * 20}b", "status=PERHAPS", "ip=(((", "deleted=perhaps",
        "locked=perhaps", "tags=" + "t," * 500, "limit=" + "9" * 400, "%00=%00", "vm_state=%F0%28",
    ],
)  # fmt: skip
def test_garbage_queries_are_refused_or_find_nothing(drilled: Drill, query: str) -> None:
    started = time.monotonic()
    reply = drilled.demo.compute.get(f"/servers/detail?{query}")
    assert reply.status_code in (200, 400, 403), reply.text
    assert reply.status_code != 200 or reply.json()["servers"] == []
    assert time.monotonic() - started < 2.0


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("compute 2.96", 200),
        ("compute latest", 200),
        ("volume 3.70", 200),
        ("compute 2.9999", 406),
        ("compute 1.0", 406),
        ("compute 3.1", 406),
        ("compute 2.x", 400),
        ("compute", 200),
        ("compute 2.96.1", 400),
        (f"compute 2.{'9' * 300}", 400),
    ],
)
def test_microversions(drilled: Drill, asked: str, status: int) -> None:
    headers = {"X-Auth-Token": drilled.demo.token, "OpenStack-API-Version": asked}
    reply = requests.get(f"{drilled.demo.compute.get_endpoint()}/servers", headers=headers, timeout=10)
    assert reply.status_code in (status, 406 if status == 400 else status), reply.text
    if status == 200:
        assert reply.headers["OpenStack-API-Version"].startswith("compute 2.")


def test_methods_and_paths_that_there_are_not(drilled: Drill) -> None:
    endpoint = drilled.demo.compute.get_endpoint()
    headers = {"X-Auth-Token": drilled.demo.token}
    for method, path, statuses in (
        ("PATCH", "/servers", (404, 405)),
        ("TRACE", "/servers", (404, 405)),
        ("DELETE", "/servers", (404, 405)),
        ("GET", "/../../etc/passwd", (404,)),
        ("GET", "/servers/%2e%2e/%2e%2e/etc/passwd", (404,)),
        ("GET", "//servers", (404,)),
        ("GET", "/no-such-thing", (404,)),
    ):
        reply = requests.request(method, endpoint + path, headers=headers, timeout=10)
        assert reply.status_code in statuses, (method, path, reply.status_code, reply.text)


# tricks


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick[:24])
def test_names_are_only_names(drill: Drill, trick: str) -> None:
    hints = {"os:scheduler_hints": {"note": trick, trick[:200]: [trick]}}
    body = drill.body(
        trick, metadata={"note": trick}, description=trick, user_data=base64_of(trick.encode()), config_drive=True
    )
    reply = drill.demo.compute.post("/servers", json=body | hints)
    assert reply.status_code == 202, reply.text
    server = drill.running(reply.json()["server"]["id"])
    assert (server["name"], server["metadata"]["note"], server["description"]) == (trick, trick, trick)
    for path in drill.cloud.state_dir.glob(f"compute/hosts/*/instances/{server['id']}/*.xml"):
        (root,) = ET.fromstring(path.read_text()).iter("domain")
        assert len(root.findall("./devices/disk")) <= 2
    named = drill.demo.compute.put(f"/servers/{server['id']}", json={"server": {"name": trick[::-1]}})
    assert named.status_code == 200
    drill.demo.compute.post(f"/servers/{server['id']}/action", json={"reboot": {"type": "HARD"}})
    drill.until(lambda: drill.show(server["id"])["OS-EXT-STS:task_state"] is None, "it is rebooted")
    drill.delete(server["id"])


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick[:24])
def test_names_of_key_pairs_are_only_names(drill: Drill, trick: str) -> None:
    compute = drill.demo.compute
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDLJSH0ntSKTpb3Ay6NMsVqvGVkPeF25wsxPdkTIRBTF user@host"
    reply = compute.post("/os-keypairs", json={"keypair": {"name": trick, "public_key": key}})
    if reply.status_code == 400:
        return
    assert reply.status_code in (200, 201), reply.text
    name = requests.utils.quote(trick, safe="")
    server = drill.running(drill.boot("keyed", key_name=trick, config_drive=True))
    assert server["key_name"] == trick
    drill.delete(server["id"])
    assert compute.delete(f"/os-keypairs/{name}").status_code in (202, 204, 404)
    left = [pair["keypair"]["name"] for pair in compute.get("/os-keypairs").json()["keypairs"]]
    assert trick not in left


def _backed() -> bytes:
    """Return a qcow2 image that says that a file of the host is what it is based on."""
    image = bytearray(qcow2(1))
    name = b"/etc/passwd"
    image[8:16] = (512).to_bytes(8, "big")
    image[16:20] = len(name).to_bytes(4, "big")
    image[512 : 512 + len(name)] = name
    return bytes(image)


@pytest.mark.parametrize(
    ("said", "data"),
    [
        ("raw", qcow2(1)),
        ("qcow2", b"no qcow2 at all".ljust(70_000, b"\0")),
        ("qcow2", _backed()),
        ("raw", _backed()),
        ("vmdk", b"KDMV".ljust(70_000, b"\0")),
        ("iso", qcow2(1)),
    ],
    ids=["qcow2 as raw", "raw as qcow2", "backing file", "backing file as raw", "broken vmdk", "qcow2 as iso"],
)
def test_an_image_that_lies_is_never_booted(drill: Drill, said: str, data: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    for container in ("bare", "ova"):
        wanted = {"name": "liar", "disk_format": said, "container_format": container}
        made = drill.demo.image.post("/v2/images", json=wanted)
        if made.status_code != 201:
            assert made.status_code == 400
            continue
        image = made.json()["id"]
        uploaded = drill.demo.image.put(f"/v2/images/{image}/file", data=data, headers=headers)
        if uploaded.status_code == 204:
            reply = drill.ask("liar", imageRef=image)
            if reply.status_code == 202:
                server = reply.json()["server"]["id"]
                assert f"Image {image} is unacceptable" in drill.failed(server)
                drill.delete(server)
            else:
                assert reply.status_code == 400, reply.text
        else:
            assert uploaded.status_code in (400, 415), uploaded.text
            assert message_of(drill.ask("liar", imageRef=image), 400) == f"Image {image} is not active."
        assert drill.demo.image.delete(f"/v2/images/{image}").status_code == 204


# many at once


def test_concurrent_requests_get_exactly_what_the_quota_allows(drill: Drill) -> None:
    statuses: list[int] = []
    with drill.server_quota(instances=5):

        def ask(number: int) -> None:
            statuses.append(drill.ask(f"race-{number}").status_code)

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(14)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert sorted(statuses) == [202] * 5 + [403] * 9
        servers = [server["id"] for server in drill.all_servers()]
        assert len(servers) == 5
        for server in servers:
            drill.running(server)
        drill.delete(servers[0])
        drill.running(drill.boot("room-again"))


def test_concurrent_requests_for_one_volume_give_it_to_one(drill: Drill) -> None:
    statuses: list[int] = []
    with drill.own_volume() as volume:

        def ask(number: int) -> None:
            devices = drill.given_volume(volume)
            statuses.append(drill.ask(f"race-{number}", block_device_mapping_v2=devices).status_code)

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert statuses.count(202) == 1
        assert set(statuses) <= {202, 400, 409}
        (server,) = drill.all_servers()
        drill.running(server["id"])
        drill.delete(server["id"])


def test_concurrent_requests_for_one_port_give_it_to_one(drill: Drill) -> None:
    accepted: list[str] = []
    with drill.own_port() as port:

        def ask(number: int) -> None:
            reply = drill.ask(f"race-{number}", networks=[{"port": port}])
            assert reply.status_code in (202, 400, 409)
            if reply.status_code == 202:
                accepted.append(reply.json()["server"]["id"])

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        ended = [drill.ended(server) for server in accepted]
        running = [server for server in ended if server["status"] == "ACTIVE"]
        assert len(running) == 1
        assert all("is still in use" in server["fault"]["message"] for server in ended if server not in running)
        owner = drill.admin.network.get(f"/v2.0/ports/{port}").json()["port"]["device_id"]
        assert owner == running[0]["id"]
        for server in accepted:
            drill.delete(server)
