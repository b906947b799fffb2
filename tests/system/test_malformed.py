"""Requests for what there is not, of absurd sizes, or that are no requests at all: refused and told why."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from tests.system.drills import Drill, User, base64_of, message_of
from tests.system.shell import OpenStackShell

NOBODY = "7d1bd2cc-5e38-4d0b-8b93-8a4b3a0bd5f1"
"""The id of nothing."""


def post(user: User, path: str, data: bytes | str, **headers: str) -> requests.Response:
    """Send a body as it is to nova-api."""
    sent = {"X-Auth-Token": user.token, "Content-Type": "application/json"} | headers
    body = data.encode() if isinstance(data, str) else data
    return requests.post(f"{user.compute.get_endpoint()}{path}", data=body, headers=sent, timeout=30)


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
