"""Volumes: what may be asked for, who sees them, how lists are filtered, and what quotas allow."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cloud.calls import Caller, caller, reader
from tests.cloud.harness import Cloud
from tests.cloud.volume.made import MICROVERSION, available, begun, settled, shown, until


def test_a_volume_is_a_sparse_file_of_its_size(running: Cloud, member: Caller) -> None:
    volume = available(member, size=3, name="sparse")
    status = (running.state_dir / "cloud" / "volumes" / volume).stat()
    assert status.st_size == 3 * 1024**3
    assert status.st_blocks < 100
    assert member.delete(f"/v3/volumes/{volume}?cascade=False&force=False").status_code == 202
    until(lambda: member.get(f"/v3/volumes/{volume}").status_code == 404)
    assert not (running.state_dir / "cloud" / "volumes" / volume).exists()


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({"size": 0}, 400),
        ({"size": -1}, 400),
        ({"size": 2**31}, 400),
        ({"size": 1.5}, 400),
        ({"size": "many"}, 400),
        ({"size": None}, 400),
        ({"size": True}, 400),
        ({"name": "x" * 256}, 400),
        ({"name": "a\x00b"}, 400),
        ({"name": ["x"]}, 400),
        ({"metadata": {"k": 5}}, 400),
        ({"metadata": {"": "x"}}, 400),
        ({"metadata": {"k": "x" * 256}}, 400),
        ({"metadata": {f"k{n}": "" for n in range(129)}}, 400),
        ({"availability_zone": "mars"}, 400),
        ({"imageRef": "no-uuid"}, 400),
        ({"imageRef": str(uuid.uuid4())}, 400),
        ({"imageRef": str(uuid.uuid4()), "source_volid": str(uuid.uuid4())}, 400),
        ({"source_volid": str(uuid.uuid4())}, 404),
        ({"snapshot_id": str(uuid.uuid4())}, 404),
        ({"volume_type": "gold"}, 404),
    ],
)
def test_what_cannot_be_is_refused(member: Caller, attributes: dict[str, object], status: int) -> None:
    before = member.get("/v3/limits").json()["limits"]["absolute"]["totalVolumesUsed"]
    assert member.post("/v3/volumes", json={"volume": {"size": 1, **attributes}}).status_code == status
    assert member.get("/v3/limits").json()["limits"]["absolute"]["totalVolumesUsed"] == before


@pytest.mark.parametrize("body", [b"\xff", b"[]", b"5", b"{}", b'{"volume": []}', b'{"volume": null}', b"[" * 10_000])
def test_garbage_is_refused(member: Caller, body: bytes) -> None:
    assert member.post("/v3/volumes", data=body).status_code == 400


def test_a_size_may_come_as_digits(member: Caller) -> None:
    assert shown(member, begun(member, size="2"))["size"] == 2


def test_projects_do_not_see_each_others_volumes(member: Caller, operator: Caller, nova: Caller) -> None:
    theirs, ours = begun(operator), begun(member)
    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", ""), ("GET", "/metadata")):
        body = {"volume": {"name": "x"}} if method == "PUT" else None
        assert member.call(method, f"/v3/volumes/{theirs}{path}", json=body).status_code == 404
    assert operator.get(f"/v3/volumes/{ours}").status_code == 200
    assert theirs not in {one["id"] for one in member.get("/v3/volumes?all_tenants=1").json()["volumes"]}
    assert ours not in {one["id"] for one in operator.get("/v3/volumes").json()["volumes"]}
    for everyone in (operator, nova):
        assert ours in {one["id"] for one in everyone.get("/v3/volumes/detail?all_tenants=1").json()["volumes"]}


def test_what_only_administrators_see(member: Caller, operator: Caller) -> None:
    volume = available(member)
    assert "os-vol-host-attr:host" not in shown(member, volume)
    assert shown(operator, volume)["os-vol-host-attr:host"] == "berth@files#files"
    assert member.get("/v3/os-services").status_code == 403


def test_later_attributes_need_later_versions(member: Caller) -> None:
    volume = available(member)
    old = member.get(f"/v3/volumes/{volume}", headers={"OpenStack-API-Version": "volume 3.0"}).json()["volume"]
    assert "volume_type_id" not in old
    assert "group_id" not in old
    assert shown(member, volume)["volume_type_id"]


def test_lists_are_filtered(member: Caller) -> None:
    one = available(member, name="f1", metadata={"berth_block_device": "it's"})
    two = available(member, name="f2", metadata={"berth_block_device": "other", "k": "v"})

    def ids(query: str) -> set[str]:
        reply = member.get(f"/v3/volumes/detail?{query}")
        assert reply.status_code == 200, reply.text
        return {volume["id"] for volume in reply.json()["volumes"]}

    assert ids("name=f1") == {one}
    assert ids("display_name=f2&status=available") == {two}
    assert ids("name=f1&status=error") == set()
    assert ids("metadata={'k':'v','berth_block_device':'other'}") == {two}
    assert ids("""metadata={"berth_block_device":"it's"}""") == {one}
    assert ids("metadata={'k':'w'}") == set()
    assert ids("name~=f") >= {one, two}
    assert ids("name=f1&bootable=true") == set()
    assert ids("name=f1&limit=0") == set()


@pytest.mark.parametrize(
    "query",
    [
        "limit=x",
        "offset=-1",
        "marker=nothing",
        "sort=nothing",
        "sort_key=name;drop",
        "bootable=perhaps",
        "all_tenants=perhaps",
        "metadata=5",
        "metadata=__import__('os')",
        "metadata={" + "[" * 5000,
        "nothing_known=1",
    ],
)
def test_queries_that_cannot_be_are_refused(member: Caller, query: str) -> None:
    assert member.get(f"/v3/volumes?{query}").status_code == 400


def test_pages_show_every_volume_once(member: Caller) -> None:
    key = uuid.uuid4().hex
    wanted = {begun(member, metadata={"page": key}) for _ in range(5)}
    link, seen = f"{member.url}/v3/volumes?limit=2&metadata={{'page':'{key}'}}", []
    while link:
        reply = member.get(link.removeprefix(member.url)).json()
        seen += [volume["id"] for volume in reply["volumes"]]
        link = reply.get("volumes_links", [{"href": ""}])[0]["href"]
    assert sorted(seen) == sorted(wanted)


def test_names_that_are_no_ids_are_not_found(member: Caller) -> None:
    for name in ("no-uuid", "%00", "x" * 3000, "..%2f..%2fetc"):
        assert member.get(f"/v3/volumes/{name}").status_code == 404
        assert member.delete(f"/v3/volumes/{name}").status_code == 404


def test_paths_with_the_project_are_the_same(member: Caller) -> None:
    volume = begun(member)
    project = shown(member, volume)["os-vol-tenant-attr:tenant_id"]
    assert member.get(f"/v3/{project}/volumes/{volume}").json()["volume"]["id"] == volume
    assert member.get(f"/v3/{project}/limits").status_code == 200
    assert member.get(f"/v3/{'0' * 32}/volumes/{volume}").status_code == 400


def test_a_volume_changes(member: Caller) -> None:
    path = f"/v3/volumes/{available(member, name='before', metadata={'a': 'b'})}"
    changed = member.put(path, json={"volume": {"name": "after", "description": "d"}}).json()["volume"]
    assert (changed["name"], changed["description"], changed["metadata"]) == ("after", "d", {"a": "b"})
    assert member.put(path, json={"volume": {"size": 5}}).status_code == 400
    assert member.post(f"{path}/metadata", json={"metadata": {"c": "d"}}).json()["metadata"] == {"a": "b", "c": "d"}
    assert member.put(f"{path}/metadata/a", json={"meta": {"x": "y"}}).status_code == 400
    assert member.put(f"{path}/metadata/a", json={"meta": {"a": "z"}}).status_code == 200
    assert member.delete(f"{path}/metadata/c").status_code == 200
    assert member.delete(f"{path}/metadata/c").status_code == 404
    assert member.get(f"{path}/metadata").json() == {"metadata": {"a": "z"}}


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ({}, 400),
        ([], 400),
        ({"os-nothing": None}, 400),
        ({"os-extend": {"new_size": 1}, "os-set_bootable": {"bootable": True}}, 400),
        ({"os-extend": {"new_size": 1}}, 400),
        ({"os-extend": {"new_size": -5}}, 400),
        ({"os-extend": {}}, 400),
        ({"os-set_bootable": {"bootable": "yes"}}, 400),
        ({"os-reset_status": {"status": "available"}}, 403),
        ({"os-force_delete": {}}, 403),
        ({"os-begin_detaching": None}, 400),
    ],
)
def test_actions_that_cannot_be_change_nothing(member: Caller, action: object, status: int) -> None:
    volume = available(member)
    assert member.post(f"/v3/volumes/{volume}/action", json=action).status_code == status
    assert shown(member, volume)["status"] == "available"


def test_a_volume_grows(running: Cloud, member: Caller) -> None:
    volume = available(member)
    assert member.post(f"/v3/volumes/{volume}/action", json={"os-extend": {"new_size": 4}}).status_code == 202
    grown = settled(member, volume)
    assert (grown["status"], grown["size"]) == ("available", 4)
    assert (running.state_dir / "cloud" / "volumes" / volume).stat().st_size == 4 * 1024**3


def test_administrators_reset_states_and_force_deletions(member: Caller, operator: Caller) -> None:
    volume = available(member)
    reset = {"os-reset_status": {"status": "creating"}}
    assert operator.post(f"/v3/volumes/{volume}/action", json=reset).status_code == 202
    refused = member.delete(f"/v3/volumes/{volume}")
    assert refused.status_code == 400
    assert "Volume status must be available or error" in refused.json()["badRequest"]["message"]
    assert member.delete(f"/v3/volumes/{volume}?force=True").status_code == 403
    assert operator.delete(f"/v3/volumes/{volume}?force=True").status_code == 202
    until(lambda: member.get(f"/v3/volumes/{volume}").status_code == 404)


def test_quotas_are_exact_when_many_ask_at_once(running: Cloud, member: Caller, operator: Caller) -> None:
    project = shown(member, begun(member))["os-vol-tenant-attr:tenant_id"]
    path = f"/v3/os-quota-sets/{project}"
    used = operator.get(f"{path}?usage=True").json()["quota_set"]
    free = 3
    limits = {"volumes": used["volumes"]["in_use"] + free, "gigabytes": used["gigabytes"]["in_use"] + 100}
    assert member.put(path, json={"quota_set": limits}).status_code == 403
    assert operator.put(path, json={"quota_set": limits}).status_code == 200

    def ask(_: int) -> int:
        return member.post("/v3/volumes", json={"volume": {"size": 1}}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(12)))
    assert sorted(answers) == [202] * free + [413] * (12 - free)
    refused = member.post("/v3/volumes", json={"volume": {"size": 1}})
    assert "VolumeLimitExceeded" in refused.json()["overLimit"]["message"]
    large = member.post("/v3/volumes", json={"volume": {"size": 1000}})
    assert "exceeds allowed gigabytes quota" in large.json()["overLimit"]["message"]
    assert operator.delete(path).status_code == 200
    assert operator.get(path).json()["quota_set"]["volumes"] == -1


@pytest.mark.parametrize("limits", [{"volumes": -2}, {"volumes": "many"}, {"volumes": True}, {"nothing": 5}, [], None])
def test_quotas_that_cannot_be_are_refused(operator: Caller, limits: object) -> None:
    assert operator.put(f"/v3/os-quota-sets/{'0' * 32}", json={"quota_set": limits}).status_code == 400


def test_other_projects_quotas_are_not_shown(member: Caller) -> None:
    assert member.get(f"/v3/os-quota-sets/{'0' * 32}").status_code == 403


def test_types_are_the_administrators(member: Caller, operator: Caller) -> None:
    shared = {"name": "shared", "extra_specs": {"multiattach": "<is> True"}}
    assert member.post("/v3/types", json={"volume_type": shared}).status_code == 403
    kind = operator.post("/v3/types", json={"volume_type": shared}).json()["volume_type"]["id"]
    assert operator.post("/v3/types", json={"volume_type": shared}).status_code == 409
    volume = available(member, volume_type="shared")
    assert shown(member, volume)["multiattach"] is True
    assert operator.delete(f"/v3/types/{kind}").status_code == 400
    member.delete(f"/v3/volumes/{volume}")
    until(lambda: member.get(f"/v3/volumes/{volume}").status_code == 404)
    assert operator.delete(f"/v3/types/{kind}").status_code == 202
    assert member.get("/v3/types/default").json()["volume_type"]["name"] == "__DEFAULT__"


def test_a_token_that_is_none_is_refused(running: Cloud) -> None:
    assert Caller(running.url("volume"), "x" * 200, {}).get("/v3/volumes").status_code == 401
    assert caller(running, "volume", "demo").get("/v3/volumes").status_code == 200


def test_readers_only_read(running: Cloud, member: Caller) -> None:
    volume = available(member)
    who = reader(running, "volume", **MICROVERSION)
    assert shown(who, volume)["id"] == volume
    assert who.post("/v3/volumes", json={"volume": {"size": 1}}).status_code == 403
    assert who.delete(f"/v3/volumes/{volume}").status_code == 403
    assert who.post(f"/v3/volumes/{volume}/metadata", json={"metadata": {"a": "b"}}).status_code == 403
    assert who.post(f"/v3/volumes/{volume}/action", json={"os-set_bootable": {"bootable": True}}).status_code == 403
    reservation = {"attachment": {"volume_uuid": volume, "connector": None}}
    assert who.post("/v3/attachments", json=reservation).status_code == 403
    assert shown(member, volume)["status"] == "available"
