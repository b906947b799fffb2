"""Flavors: who sees which, what is refused, and what the scheduler is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.boot.api.extras_harness import Api, message_of


def new_name() -> str:
    return f"flavor-{uuid4().hex[:8]}"


def body(**fields: Any) -> dict[str, Any]:
    return {"flavor": {"name": new_name(), "vcpus": 1, "ram": 512, "disk": 1} | fields}


def made(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post("/flavors", body(**fields))
    assert answer.status_code == 200, answer.text
    flavor: dict[str, Any] = answer.json()["flavor"]
    return flavor


def test_a_flavor_is_answered_as_nova_does(extras: Api) -> None:
    flavor = made(extras, name="as nova", description="small", **{"OS-FLV-EXT-DATA:ephemeral": 2})

    UUID(flavor["id"])
    links = [
        {"rel": "self", "href": f"{extras.url}/v2.1/flavors/{flavor['id']}"},
        {"rel": "bookmark", "href": f"{extras.url}/flavors/{flavor['id']}"},
    ]
    assert flavor == {
        "id": flavor["id"],
        "name": "as nova",
        "links": links,
        "description": "small",
        "ram": 512,
        "disk": 1,
        "vcpus": 1,
        "swap": 0,
        "rxtx_factor": 1.0,
        "OS-FLV-EXT-DATA:ephemeral": 2,
        "OS-FLV-DISABLED:disabled": False,
        "os-flavor-access:is_public": True,
        "extra_specs": {},
    }


@pytest.mark.parametrize(
    ("version", "absent", "swap"),
    [
        ("2.1", {"description", "extra_specs"}, ""),
        ("2.55", {"extra_specs"}, ""),
        ("2.61", set(), ""),
        ("2.75", set(), 0),
    ],
)
def test_what_is_shown_depends_on_the_version(extras: Api, version: str, absent: set[str], swap: object) -> None:
    flavor = extras.get(f"/flavors/{made(extras)['id']}", version=version).json()["flavor"]

    assert {"description", "extra_specs"} - flavor.keys() == absent
    assert flavor["swap"] == swap


def test_the_scheduler_knows_a_flavor_before_the_answer_and_forgets_it(extras: Api) -> None:
    flavor = made(extras, vcpus=3, ram=1000, disk=7, swap=100)

    known = {item.name: item for item in extras.scheduler.client.list_flavors().flavors}[flavor["name"]]
    assert (known.vcpus, known.memory_mb, known.root_gb, known.swap_mb) == (3, 1000, 7, 100)

    assert extras.delete(f"/flavors/{flavor['id']}").status_code == 202
    assert flavor["name"] not in {item.name for item in extras.scheduler.client.list_flavors().flavors}
    assert extras.get(f"/flavors/{flavor['id']}").status_code == 404


def test_a_flavor_larger_than_any_host_is_kept_but_not_told(extras: Api) -> None:
    flavor = made(extras, vcpus=2**31 - 1, ram=2**31 - 1)

    assert flavor["name"] not in {item.name for item in extras.scheduler.client.list_flavors().flavors}
    assert extras.delete(f"/flavors/{flavor['id']}").status_code == 202


def test_a_name_or_an_id_in_use_is_a_conflict(extras: Api) -> None:
    flavor = made(extras, id="in-use")

    again = extras.post("/flavors", body(name=flavor["name"]))
    same_id = extras.post("/flavors", body(id="in-use"))
    assert (again.status_code, same_id.status_code) == (409, 409)
    assert message_of(again) == f"Flavor with name {flavor['name']} already exists."
    assert message_of(same_id) == "Flavor with ID in-use already exists."


def test_ids_may_be_numbers_and_numbers_may_be_text(extras: Api) -> None:
    flavor = made(extras, id=4711, vcpus="2", ram="1024")

    assert (flavor["id"], flavor["vcpus"], flavor["ram"]) == ("4711", 2, 1024)
    UUID(made(extras, id="auto")["id"])


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": " x"},
        {"name": "n" * 256},
        {"name": "a\x00b"},
        {"name": None},
        {"name": 7},
        {"vcpus": 0},
        {"vcpus": -1},
        {"vcpus": 2**31},
        {"vcpus": 10**400},
        {"vcpus": "many"},
        {"vcpus": "9" * 5000},
        {"vcpus": 1.5},
        {"vcpus": True},
        {"vcpus": None},
        {"ram": 0},
        {"disk": -1},
        {"swap": 2**31},
        {"rxtx_factor": 0},
        {"rxtx_factor": "nan"},
        {"id": "a/b"},
        {"id": ""},
        {"id": "i" * 256},
        {"os-flavor-access:is_public": "perhaps"},
        {"description": "d" * 65_536},
        {"unknown": 1},
    ],
    ids=str,
)
def test_bad_fields_are_refused(extras: Api, fields: dict[str, Any]) -> None:
    answer = extras.post("/flavors", body(**fields))

    assert answer.status_code == 400, answer.text
    assert message_of(answer)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"flavor": []}', b"\xff\xfe", b'{"flavor":{}} x'])
def test_garbage_is_refused(extras: Api, content: bytes) -> None:
    assert extras.call("POST", "/flavors", content=content).status_code == 400


def test_one_of_several_at_once_gets_a_name(extras: Api) -> None:
    given = body()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: extras.post("/flavors", given), range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    known = [item.name for item in extras.scheduler.client.list_flavors().flavors]
    assert known.count(given["flavor"]["name"]) == 1


@pytest.mark.parametrize("name", ["%00", "%2e%2e%2f", "%ff", "a" * 2000, "'; drop table flavors"])
def test_strange_ids_are_not_found(extras: Api, name: str) -> None:
    assert extras.get(f"/flavors/{name}").status_code == 404


def test_only_administrators_make_and_remove_flavors(extras: Api) -> None:
    flavor = made(extras)

    refused = extras.post("/flavors", body(), user="demo")
    assert refused.status_code == 403
    assert message_of(refused) == "Policy doesn't allow os_compute_api:os-flavor-manage:create to be performed."
    assert extras.delete(f"/flavors/{flavor['id']}", user="demo").status_code == 403
    assert extras.put(f"/flavors/{flavor['id']}", {"flavor": {"description": "x"}}, user="demo").status_code == 403


def test_a_description_is_changed_from_2_55(extras: Api) -> None:
    place = f"/flavors/{made(extras)['id']}"

    assert extras.put(place, {"flavor": {"description": "new"}}).json()["flavor"]["description"] == "new"
    assert extras.put(place, {"flavor": {"description": None}}).json()["flavor"]["description"] is None
    assert extras.put(place, {"flavor": {"description": "x"}}, version="2.54").status_code == 404
    assert extras.put(place, {"flavor": {"ram": 1}}).status_code == 400
    assert extras.post("/flavors", body(description="x"), version="2.54").status_code == 400


def test_private_flavors_are_hidden(extras: Api) -> None:
    flavor = made(extras, **{"os-flavor-access:is_public": False})

    def listed(query: str, user: str) -> bool:
        answer = extras.get(f"/flavors/detail{query}", user=user).json()
        return flavor["id"] in {item["id"] for item in answer["flavors"]}

    assert extras.get(f"/flavors/{flavor['id']}", user="demo").status_code == 404
    assert not listed("", "demo")
    assert not listed("?is_public=None", "demo")
    assert not listed("", "admin")
    assert listed("?is_public=None", "admin")
    assert listed("?is_public=false", "admin")
    assert extras.get("/flavors?is_public=perhaps").status_code == 400


def test_lists_filter_sort_and_page(extras: Api) -> None:
    names = [made(extras, ram=777_000 + number, disk=9 - number)["name"] for number in range(3)]
    query = "/flavors?minRam=777000&sort_key=root_gb"

    listed = extras.get(query).json()["flavors"]
    assert [item["name"] for item in listed] == names[::-1]
    assert "ram" not in listed[0]
    assert [item["name"] for item in extras.get(f"{query}&sort_dir=desc&minDisk=8").json()["flavors"]] == names[:2]

    page = extras.get(f"{query}&limit=2").json()
    following = page["flavors_links"][0]
    assert following["rel"] == "next"
    rest = extras.http.get(following["href"], headers={"X-Auth-Token": "admin"}).json()
    assert [item["name"] for item in page["flavors"] + rest["flavors"]] == names[::-1]
    assert "flavors_links" not in rest


@pytest.mark.parametrize(
    "query",
    ["minRam=x", "minDisk=", "limit=-1", "limit=x", "marker=nothing", "sort_key=secret", "sort_dir=up", "odd=1"],
)
def test_bad_queries_are_refused(extras: Api, query: str) -> None:
    assert extras.get(f"/flavors?{query}").status_code == 400


def test_older_versions_ignore_unknown_query_parameters(extras: Api) -> None:
    assert extras.get("/flavors?odd=1", version="2.74").status_code == 200
