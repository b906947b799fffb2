"""Images without their data: what may be said of them, who sees them, and how lists are filtered and paged."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cloud.calls import Caller, reader
from tests.cloud.harness import Cloud

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


def made(who: Caller, **attributes: object) -> dict[str, object]:
    reply = who.post("/v2/images", json={"disk_format": "raw", "container_format": "bare", **attributes})
    assert reply.status_code == 201, reply.text
    image: dict[str, object] = reply.json()
    return image


def test_discovery_needs_no_token(member: Caller) -> None:
    anonymous = Caller(member.url, "", {})
    assert anonymous.get("/").status_code == 300
    assert anonymous.get("/versions").status_code == 200
    assert anonymous.get("/").json()["versions"][0]["links"][0]["href"] == f"{member.url}/v2/"
    refused = anonymous.get("/v2/images")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Keystone uri=")


def test_a_new_image_is_queued_and_keeps_unknown_keys_as_properties(member: Caller) -> None:
    image = made(member, name="new", **{"owner_specified.openstack.md5": ""})
    assert (image["status"], image["visibility"], image["size"]) == ("queued", "shared", None)
    assert image["owner_specified.openstack.md5"] == ""
    assert image["file"] == f"/v2/images/{image['id']}/file"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x" * 256}, 400),
        ({"name": "a\x00b"}, 400),
        ({"name": 5}, 400),
        ({"id": "no-uuid"}, 400),
        ({"disk_format": "floppy"}, 400),
        ({"disk_format": "ami", "container_format": "bare"}, 400),
        ({"min_disk": -1}, 400),
        ({"min_ram": 2**40}, 400),
        ({"min_disk": "1"}, 400),
        ({"protected": "yes"}, 400),
        ({"tags": ["a" * 300]}, 400),
        ({"tags": "a"}, 400),
        ({"property": 5}, 400),
        ({"property": {"nested": "x"}}, 400),
        ({"": "x"}, 400),
        ({"visibility": "everybody"}, 400),
        ({"visibility": "public"}, 403),
        ({"status": "active"}, 403),
        ({"size": 5}, 403),
        ({"os_glance_import_task": "x"}, 403),
        ({"owner": "another"}, 403),
        ({"tags": [f"t{n}" for n in range(129)]}, 413),
        ({f"p{n}": "" for n in range(129)}, 413),
        ([], 400),
        ("text", 400),
    ],
)
def test_what_cannot_be_is_refused(member: Caller, body: object, status: int) -> None:
    assert member.post("/v2/images", json=body).status_code == status


def test_garbage_is_refused(member: Caller) -> None:
    assert member.post("/v2/images", data=b"\xff{").status_code == 400
    assert member.post("/v2/images", data=b"[" * 100_000).status_code == 400


def test_an_id_is_taken_once(member: Caller) -> None:
    image = made(member, id=str(uuid.uuid4()))
    assert member.post("/v2/images", json={"id": image["id"]}).status_code == 409


def test_projects_do_not_see_each_others_images(member: Caller, operator: Caller) -> None:
    hidden = made(operator, name="hidden", visibility="private")["id"]
    community = made(operator, name="community", visibility="community")["id"]
    public = made(operator, name="public", visibility="public")["id"]
    assert member.get(f"/v2/images/{hidden}").status_code == 404
    assert member.delete(f"/v2/images/{hidden}").status_code == 404
    assert member.put(f"/v2/images/{hidden}/file", data=b"").status_code == 404
    assert member.get(f"/v2/images/{public}").status_code == 200
    assert member.delete(f"/v2/images/{public}").status_code == 403
    assert member.get(f"/v2/images/{community}").status_code == 200
    listed = {image["id"] for image in member.get("/v2/images").json()["images"]}
    assert public in listed
    assert not listed & {hidden, community}
    asked = {image["id"] for image in member.get("/v2/images?visibility=community").json()["images"]}
    assert asked == {community}


def test_a_shared_image_is_listed_once_it_is_accepted(member: Caller, operator: Caller) -> None:
    project = made(member)["owner"]
    image = made(operator, name="lent")["id"]
    assert member.get(f"/v2/images/{image}").status_code == 404
    assert operator.post(f"/v2/images/{image}/members", json={"member": project}).status_code == 200
    assert operator.post(f"/v2/images/{image}/members", json={"member": project}).status_code == 409
    assert member.get(f"/v2/images/{image}").status_code == 200
    assert image not in [one["id"] for one in member.get("/v2/images").json()["images"]]
    assert [one["id"] for one in member.get("/v2/images?member_status=pending&name=lent").json()["images"]] == [image]
    assert member.post(f"/v2/images/{image}/members", json={"member": "third"}).status_code == 403
    path = f"/v2/images/{image}/members/{project}"
    assert member.put(path, json={"status": "perhaps"}).status_code == 400
    assert member.put(path, json={"status": "accepted"}).status_code == 200
    assert image in [one["id"] for one in member.get("/v2/images").json()["images"]]
    assert operator.delete(path).status_code == 204
    assert member.get(f"/v2/images/{image}").status_code == 404


def test_lists_are_filtered(member: Caller) -> None:
    one = made(member, name="f,1", tags=["red", "round"], kind="a b")["id"]
    two = made(member, name="f2", disk_format="qcow2", tags=["red"], os_hidden=True)["id"]

    def ids(query: str) -> set[str]:
        reply = member.get(f"/v2/images?{query}")
        assert reply.status_code == 200, reply.text
        return {image["id"] for image in reply.json()["images"]}

    assert ids("name=f%2C1") == {one}
    assert ids(f"id=in%3A{one}%2C{two}") == {one}
    assert ids(f"id=in%3A{one}%2C{two}&os_hidden=True") == {two}
    assert ids('name=in:"f,1",other') == {one}
    assert ids("tag=red&tag=round") == {one}
    assert ids("tag=red&tag=round&tag=blue") == set()
    assert ids("kind=a%20b") == {one}
    assert ids("no_such_property=x") == set()
    assert ids("name=f%2C1&status=active") == set()
    assert ids("name=f%2C1&size_min=1") == set()
    assert ids("name=f%2C1&created_at=gt:2020-01-01T00:00:00Z") == {one}
    assert ids("name=f%2C1&created_at=lt:2020-01-01T00:00:00") == set()
    assert ids("name=f%2C1&limit=0") == set()


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=x",
        "marker=nothing",
        "sort=nothing:asc",
        "sort=name:up",
        "sort=name&sort_key=name",
        "visibility=x",
        "member_status=x",
        "size_min=x",
        "size_max=99999999999999999999999",
        "protected=perhaps",
        "created_at=gt:yesterday",
        'name=in:"open',
    ],
)
def test_queries_that_cannot_be_are_refused(member: Caller, query: str) -> None:
    assert member.get(f"/v2/images?{query}").status_code == 400


@pytest.mark.parametrize("order", ["", "sort=name:asc,created_at:desc", "sort_key=size&sort_dir=asc", "sort=id:desc"])
def test_pages_show_every_image_once(member: Caller, order: str) -> None:
    tag = uuid.uuid4().hex
    wanted = {made(member, tags=[tag], name=name)["id"] for name in ("b", "a", "b", "c", "a", None, None)}
    link, seen, pages = f"/v2/images?tag={tag}&limit=3&{order}", [], 0
    while link:
        reply = member.get(link).json()
        seen += [image["id"] for image in reply["images"]]
        link = reply.get("next")
        pages += 1
    assert sorted(seen) == sorted(wanted)
    assert pages == 3


def test_patches_change_what_they_name(member: Caller) -> None:
    image = made(member, name="p", old="1")["id"]
    path = f"/v2/images/{image}"
    changes = [
        {"op": "replace", "path": "/name", "value": "q"},
        {"op": "add", "path": "/a~1b", "value": "slash"},
        {"op": "remove", "path": "/old"},
        {"op": "replace", "path": "/tags", "value": ["x", "x"]},
    ]
    changed = member.call("PATCH", path, json=changes, headers=PATCH)
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["a/b"], changed.json()["tags"]) == ("q", "slash", ["x"])
    assert "old" not in changed.json()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"op": "remove", "path": "/name"}, 400),
        ([{"op": "move", "path": "/name", "from": "/x"}], 400),
        ([{"op": "replace", "path": "name", "value": "x"}], 400),
        ([{"op": "replace", "path": "/tags/0", "value": "x"}], 400),
        ([{"op": "replace", "path": "/name", "value": 5}], 400),
        ([{"op": "remove", "path": "/name"}], 403),
        ([{"op": "replace", "path": "/id", "value": str(uuid.uuid4())}], 403),
        ([{"op": "replace", "path": "/status", "value": "active"}], 403),
        ([{"op": "add", "path": "/locations", "value": []}], 403),
        ([{"op": "replace", "path": "/visibility", "value": "public"}], 403),
        ([{"op": "replace", "path": "/owner", "value": "x"}], 403),
        ([{"op": "replace", "path": "/nothing", "value": "x"}], 409),
        ([{"op": "remove", "path": "/nothing"}], 409),
    ],
)
def test_patches_that_cannot_be_change_nothing(member: Caller, changes: object, status: int) -> None:
    path = f"/v2/images/{made(member, name='same')['id']}"
    before = member.get(path).json()
    assert member.call("PATCH", path, json=changes, headers=PATCH).status_code == status
    assert member.get(path).json() == before
    assert member.call("PATCH", path, json=[], headers={"Content-Type": "application/json"}).status_code == 415


def test_concurrent_patches_lose_nothing(member: Caller) -> None:
    path = f"/v2/images/{made(member)['id']}"

    def add(number: int) -> int:
        change = [{"op": "add", "path": f"/p{number}", "value": "x"}]
        return member.call("PATCH", path, json=change, headers=PATCH).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(add, range(24))) == {200}
    assert {name for name in member.get(path).json() if name[0] == "p" and name[1:].isdigit()} == {
        f"p{number}" for number in range(24)
    }


def test_protected_images_stay(member: Caller) -> None:
    path = f"/v2/images/{made(member, protected=True)['id']}"
    assert member.delete(path).status_code == 403
    member.call("PATCH", path, json=[{"op": "replace", "path": "/protected", "value": False}], headers=PATCH)
    assert member.delete(path).status_code == 204
    assert member.delete(path).status_code == 404


def test_names_that_are_no_ids_are_not_found(member: Caller) -> None:
    for path in ("/v2/images/no-uuid", "/v2/images/%00", "/v2/images/" + "x" * 3000, "/v2/images/a/b/c"):
        assert member.get(path).status_code == 404


def test_schemas_and_import_methods_are_told(member: Caller) -> None:
    assert member.get("/v2/schemas/image").json()["properties"]["visibility"]["enum"]
    assert member.get("/v2/schemas/nothing").status_code == 404
    assert member.get("/v2/info/import").json()["import-methods"]["value"] == ["glance-direct"]
    assert member.get("/v2/info/stores").json()["stores"][0]["id"] == "file"


def test_readers_only_read(running: Cloud, member: Caller) -> None:
    image = made(member, name="read")["id"]
    who = reader(running, "image")
    assert who.get(f"/v2/images/{image}").status_code == 200
    assert who.post("/v2/images", json={"name": "x"}).status_code == 403
    assert who.delete(f"/v2/images/{image}").status_code == 403
    assert who.put(f"/v2/images/{image}/tags/x").status_code == 403
    upload = who.put(f"/v2/images/{image}/file", data=b"x", headers={"Content-Type": "application/octet-stream"})
    assert upload.status_code == 403
