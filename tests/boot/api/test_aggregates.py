"""Aggregates: nova's words, one zone for a host, and a scheduler that always agrees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from engine.v1.inventory_pb2 import Aggregate
from tests.boot.api.extras_harness import Api, message_of


def new_name() -> str:
    return f"agg-{uuid4().hex[:8]}"


def made(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post("/os-aggregates", {"aggregate": {"name": new_name()} | fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["aggregate"]
    return found


def act(api: Api, number: int, action: str, **given: Any) -> Any:
    return api.post(f"/os-aggregates/{number}/action", {action: given})


def told(api: Api, uuid: str) -> Aggregate | None:
    """What the scheduler knows of an aggregate."""
    known = {item.uuid: item for item in api.scheduler.client.list_aggregates().aggregates}
    return known.get(uuid)


@pytest.fixture
def host(extras: Api) -> str:
    """A host of the test's own."""
    name = f"host-{uuid4().hex[:8]}"
    extras.add_host(name)
    return name


def test_an_aggregate_is_answered_as_nova_does(extras: Api) -> None:
    found = made(extras, name="as nova", availability_zone="az-nova")

    assert found == {
        "id": found["id"],
        "uuid": found["uuid"],
        "name": "as nova",
        "availability_zone": "az-nova",
        "created_at": found["created_at"],
        "updated_at": None,
        "deleted": False,
        "deleted_at": None,
    }
    assert isinstance(found["id"], int)
    known = told(extras, found["uuid"])
    assert known is not None
    assert (known.name, dict(known.metadata)) == ("as nova", {"availability_zone": "az-nova"})
    assert "uuid" not in extras.get(f"/os-aggregates/{found['id']}", version="2.40").json()["aggregate"]


def test_hosts_and_metadata_come_and_go_with_the_scheduler(extras: Api, host: str) -> None:
    found = made(extras)
    number = found["id"]

    added = act(extras, number, "add_host", host=host).json()["aggregate"]
    assert (added["hosts"], added["metadata"]) == ([host], {})
    changed = act(extras, number, "set_metadata", metadata={"ssd": "true", "gpu": "no"}).json()["aggregate"]
    assert changed["metadata"] == {"ssd": "true", "gpu": "no"}
    changed = act(extras, number, "set_metadata", metadata={"gpu": None}).json()["aggregate"]
    assert changed["metadata"] == {"ssd": "true"}
    known = told(extras, found["uuid"])
    assert known is not None
    assert (list(known.host_ids), dict(known.metadata)) == ([host], {"ssd": "true"})

    full = extras.delete(f"/os-aggregates/{number}")
    assert full.status_code == 400
    assert message_of(full) == f"Cannot remove aggregate {number}. Reason: Host aggregate is not empty."
    assert act(extras, number, "remove_host", host=host).json()["aggregate"]["hosts"] == []
    assert extras.delete(f"/os-aggregates/{number}").status_code == 200
    assert told(extras, found["uuid"]) is None
    gone = extras.delete(f"/os-aggregates/{number}")
    assert (gone.status_code, message_of(gone)) == (404, f"Aggregate {number} could not be found.")


def test_a_change_of_name_and_zone(extras: Api) -> None:
    found, name = made(extras), new_name()

    place = f"/os-aggregates/{found['id']}"
    changed = extras.put(place, {"aggregate": {"name": name, "availability_zone": "az-new"}}).json()["aggregate"]
    assert (changed["name"], changed["availability_zone"]) == (name, "az-new")
    assert changed["updated_at"] is not None
    known = told(extras, found["uuid"])
    assert known is not None
    assert (known.name, known.metadata["availability_zone"]) == (name, "az-new")
    for body in ({}, {"name": ""}, {"name": None}, {"hosts": []}, {"availability_zone": "a:b"}):
        assert extras.put(place, {"aggregate": body}).status_code == 400


def test_a_name_in_use_is_a_conflict(extras: Api) -> None:
    first, second = made(extras), made(extras)

    again = extras.post("/os-aggregates", {"aggregate": {"name": first["name"]}})
    renamed = extras.put(f"/os-aggregates/{second['id']}", {"aggregate": {"name": first["name"]}})
    for answer in (again, renamed):
        assert (answer.status_code, message_of(answer)) == (409, f"Aggregate {first['name']} already exists.")


def test_a_name_that_another_client_of_the_scheduler_uses_is_a_conflict_too(extras: Api) -> None:
    name, uuid = new_name(), str(uuid4())
    extras.scheduler.client.update_aggregates([Aggregate(uuid=uuid, name=name)])

    answer = extras.post("/os-aggregates", {"aggregate": {"name": name}})
    assert (answer.status_code, message_of(answer)) == (409, f"Aggregate {name} already exists.")
    listed = extras.get("/os-aggregates").json()["aggregates"]
    assert name not in {item["name"] for item in listed}
    assert told(extras, uuid) is not None


def test_a_host_is_added_once_and_must_exist(extras: Api, host: str) -> None:
    found = made(extras)
    number = found["id"]
    act(extras, number, "add_host", host=host)

    again = act(extras, number, "add_host", host=host)
    unknown = act(extras, number, "add_host", host="nowhere")
    absent = act(extras, number, "remove_host", host="cn1")
    assert (again.status_code, message_of(again)) == (409, f"Aggregate {number} already has host {host}.")
    assert (unknown.status_code, message_of(unknown)) == (404, "Compute host nowhere could not be found.")
    assert (absent.status_code, message_of(absent)) == (404, f"Aggregate {number} has no host cn1.")
    assert extras.get(f"/os-aggregates/{number}").json()["aggregate"]["hosts"] == [host]


def test_a_host_that_is_gone_does_not_keep_an_aggregate_from_changing(extras: Api, host: str) -> None:
    found = made(extras)
    act(extras, found["id"], "add_host", host=host)
    extras.scheduler.client.delete_hosts([host])

    assert act(extras, found["id"], "set_metadata", metadata={"a": "b"}).status_code == 200
    assert act(extras, found["id"], "remove_host", host=host).status_code == 200


def test_a_host_is_in_one_zone(extras: Api, host: str) -> None:
    first, second, plain = (
        made(extras, availability_zone="az-a"),
        made(extras, availability_zone="az-b"),
        made(extras),
    )
    assert act(extras, first["id"], "add_host", host=host).status_code == 200

    refused = act(extras, second["id"], "add_host", host=host)
    assert refused.status_code == 409
    assert message_of(refused) == (
        f"Cannot add host to aggregate {second['id']}. "
        "Reason: One or more hosts already in availability zone(s) ['az-a']."
    )
    assert act(extras, plain["id"], "add_host", host=host).status_code == 200
    zone = {"availability_zone": "az-b"}
    by_metadata = act(extras, plain["id"], "set_metadata", metadata=zone)
    by_update = extras.put(f"/os-aggregates/{plain['id']}", {"aggregate": zone})
    assert (by_metadata.status_code, by_update.status_code) == (400, 400)
    assert "already in availability zone(s) ['az-a']" in message_of(by_metadata)
    assert extras.put(f"/os-aggregates/{plain['id']}", {"aggregate": {"availability_zone": "az-a"}}).status_code == 200


def test_a_host_with_a_zone_of_its_own_joins_no_other(extras: Api) -> None:
    name = f"host-{uuid4().hex[:8]}"
    extras.add_host(name, availability_zone="az-own")
    other, same = made(extras, availability_zone="az-other"), made(extras, availability_zone="az-own")

    assert act(extras, other["id"], "add_host", host=name).status_code == 409
    assert act(extras, same["id"], "add_host", host=name).status_code == 200


def test_instances_stay_in_their_zone(extras: Api, host: str) -> None:
    zoned, plain = made(extras, availability_zone="az-full"), made(extras)
    number = zoned["id"]
    instance = extras.add_instance(host=host)

    assert act(extras, number, "add_host", host=host).status_code == 409
    assert act(extras, plain["id"], "add_host", host=host).status_code == 200
    extras.remove_instance(instance)
    assert act(extras, number, "add_host", host=host).status_code == 200
    instance = extras.add_instance(host=host)
    removed = act(extras, number, "remove_host", host=host)
    assert removed.status_code == 409
    assert "contain instances in this zone" in message_of(removed)
    changed = extras.put(f"/os-aggregates/{number}", {"aggregate": {"availability_zone": "az-else"}})
    cleared = act(extras, number, "set_metadata", metadata={"availability_zone": None})
    assert (changed.status_code, cleared.status_code) == (400, 400)
    extras.remove_instance(instance)
    assert act(extras, number, "set_metadata", metadata={"availability_zone": None}).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "n" * 256},
        {"name": "a\x07b"},
        {"name": ["a"]},
        {"availability_zone": ""},
        {"availability_zone": "a:b"},
        {"availability_zone": "z" * 256},
        {"availability_zone": 3},
        {"hosts": ["cn1"]},
    ],
    ids=str,
)
def test_bad_aggregates_are_refused(extras: Api, fields: dict[str, Any]) -> None:
    assert extras.post("/os-aggregates", {"aggregate": {"name": new_name()} | fields}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"explode": {}},
        {"add_host": {"host": ""}},
        {"add_host": {"host": "h" * 256}},
        {"add_host": {"host": "a\x00b"}},
        {"add_host": {}},
        {"add_host": {"host": "cn1"}, "remove_host": {"host": "cn1"}},
        {"set_metadata": {"metadata": {"k" * 256: "v"}}},
        {"set_metadata": {"metadata": {"k": "v" * 256}}},
        {"set_metadata": {"metadata": {"k": 1}}},
        {"set_metadata": {"metadata": {"availability_zone": ""}}},
        {"set_metadata": {}},
    ],
    ids=str,
)
def test_bad_actions_are_refused(extras: Api, body: object) -> None:
    assert extras.post(f"/os-aggregates/{made(extras)['id']}/action", body).status_code == 400


def test_changes_at_once_are_all_kept_and_all_told(extras: Api) -> None:
    found = made(extras)
    hosts = [f"host-{uuid4().hex[:8]}" for _ in range(8)]
    for name in hosts:
        extras.add_host(name)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda name: act(extras, found["id"], "add_host", host=name), hosts))

    assert {answer.status_code for answer in answers} == {200}
    assert sorted(extras.get(f"/os-aggregates/{found['id']}").json()["aggregate"]["hosts"]) == sorted(hosts)
    known = told(extras, found["uuid"])
    assert known is not None
    assert list(known.host_ids) == sorted(hosts)


def test_ids_are_numbers(extras: Api) -> None:
    answer = extras.get("/os-aggregates/recagg")

    assert (answer.status_code, message_of(answer)) == (400, "Invalid input received: id must be an integer")
    for text in ("99999", "9" * 400):
        assert extras.get(f"/os-aggregates/{text}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/1", None),
        ("POST", "", {"aggregate": {"name": "x"}}),
        ("PUT", "/1", {"aggregate": {"name": "x"}}),
        ("DELETE", "/1", None),
        ("POST", "/1/action", {"add_host": {"host": "cn1"}}),
    ],
)
def test_administrators_only(extras: Api, method: str, path: str, body: object) -> None:
    assert extras.call(method, f"/os-aggregates{path}", body, user="demo").status_code == 403
