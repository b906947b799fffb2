"""Compute services: listed, disabled and enabled, forced down, removed; the scheduler hears of it first."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.v1.inventory_pb2 import HostService
from tests.boot.api.extras_harness import Api, message_of


def service(api: Api, host: str, *, version: str = "2.96") -> dict[str, Any]:
    answer = api.get(f"/os-services?host={host}", version=version)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["services"]
    assert isinstance(found, dict)
    return found


@pytest.fixture
def host(extras: Api) -> str:
    """A host of the test's own, that the listings know."""
    name = f"host-{uuid4().hex[:8]}"
    extras.add_host(name)
    flush(extras)
    return name


def flush(api: Api) -> None:
    """Let the listings read the fleet anew, as every change of an aggregate does."""
    assert api.post("/os-aggregates", {"aggregate": {"name": f"flush-{uuid4().hex}"}}).status_code == 200


def test_the_list_has_hosts_and_what_is_behind_them(extras: Api, host: str) -> None:
    listed = extras.get("/os-services").json()["services"]
    found = service(extras, host)

    assert [item["binary"] for item in listed[:2]] == ["nova-scheduler", "nova-conductor"]
    assert [item["state"] for item in listed[:2]] == ["up", "down"]
    UUID(found["id"])
    assert (
        found.items()
        >= {
            "binary": "nova-compute",
            "host": host,
            "zone": "nova",
            "status": "enabled",
            "state": "up",
            "disabled_reason": None,
            "forced_down": False,
        }.items()
    )
    binaries = extras.get("/os-services?binary=nova-compute").json()["services"]
    assert {item["binary"] for item in binaries} == {"nova-compute"}
    assert extras.get("/os-services?host=nowhere").json() == {"services": []}


def test_older_versions(extras: Api, host: str) -> None:
    assert isinstance(service(extras, host, version="2.52")["id"], int)
    assert "forced_down" not in service(extras, host, version="2.10")


def test_disabling_and_enabling(extras: Api, host: str) -> None:
    place = f"/os-services/{service(extras, host)['id']}"

    off = extras.put(place, {"status": "disabled", "disabled_reason": "maint"}).json()["service"]
    assert (off["status"], off["disabled_reason"], off["state"]) == ("disabled", "maint", "up")
    known = extras.scheduler.client.get_host(host).host
    assert (known.service.disabled, known.service.disabled_reason, known.up) == (True, "maint", False)
    assert known.service.HasField("last_seen_up_us")
    on = extras.put(place, {"status": "enabled"}).json()["service"]
    assert (on["status"], on["disabled_reason"]) == ("enabled", None)
    assert extras.scheduler.client.get_host(host).host.up


def test_forcing_down_leaves_the_rest(extras: Api, host: str) -> None:
    place = f"/os-services/{service(extras, host)['id']}"
    extras.put(place, {"status": "disabled", "disabled_reason": "why"})

    down = extras.put(place, {"forced_down": True}).json()["service"]
    assert (down["state"], down["forced_down"], down["disabled_reason"]) == ("down", True, "why")
    assert extras.put(place, {"forced_down": False}).json()["service"]["state"] == "up"


def test_a_silent_host_is_down(extras: Api) -> None:
    name = f"host-{uuid4().hex[:8]}"
    extras.add_host(name, service=HostService(last_seen_up_us=int((time.time() - 120) * 1e6)))
    flush(extras)

    assert service(extras, name)["state"] == "down"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"disabled_reason": "why"},
        {"status": "enabled", "disabled_reason": "why"},
        {"status": "off"},
        {"status": "disabled", "disabled_reason": ""},
        {"status": "disabled", "disabled_reason": "r" * 256},
        {"status": "disabled", "disabled_reason": "a\x00b"},
        {"forced_down": "perhaps"},
        {"forced_down": 7},
        {"more": 1},
        [],
    ],
    ids=str,
)
def test_bad_updates_are_refused(extras: Api, host: str, body: object) -> None:
    assert extras.put(f"/os-services/{service(extras, host)['id']}", body).status_code == 400


def test_what_cannot_be_updated(extras: Api) -> None:
    scheduler = extras.get("/os-services?binary=nova-scheduler").json()["services"][0]["id"]
    off = {"status": "disabled"}

    refused = extras.put(f"/os-services/{scheduler}", off)
    assert refused.status_code == 400
    assert message_of(refused) == (
        "Updating a nova-scheduler service is not supported. Only nova-compute services can be updated."
    )
    assert extras.put(f"/os-services/{uuid4()}", off).status_code == 404
    assert message_of(extras.put("/os-services/cn1", off)) == "Invalid uuid cn1"
    assert extras.delete(f"/os-services/{scheduler}").status_code == 400


def test_the_actions_of_older_versions(extras: Api, host: str) -> None:
    body = {"host": host, "binary": "nova-compute"}

    def act(action: str, **fields: Any) -> Any:
        return extras.put(f"/os-services/{action}", body | fields, version="2.52")

    assert act("disable").json() == {"service": body | {"status": "disabled"}}
    assert act("disable-log-reason", disabled_reason="why").json() == {
        "service": body | {"status": "disabled", "disabled_reason": "why"}
    }
    assert act("enable").json() == {"service": body | {"status": "enabled"}}
    assert act("force-down", forced_down=True).json() == {"service": body | {"forced_down": True}}
    assert act("disable-log-reason").status_code == 400
    assert act("force-down").status_code == 400
    assert act("explode").status_code == 404
    assert act("disable", host="nowhere").status_code == 404
    assert act("disable", binary="nova-magic").status_code == 404


def test_a_host_is_removed_when_nothing_is_on_it(extras: Api, host: str) -> None:
    place = f"/os-services/{service(extras, host)['id']}"
    aggregate = extras.post("/os-aggregates", {"aggregate": {"name": f"of-{host}"}}).json()["aggregate"]["id"]
    extras.post(f"/os-aggregates/{aggregate}/action", {"add_host": {"host": host}})
    instance = extras.add_instance(host=host)

    refused = extras.delete(place)
    assert refused.status_code == 409
    assert "hosting instances" in message_of(refused)
    extras.remove_instance(instance)
    assert extras.delete(place).status_code == 204
    assert extras.delete(place).status_code == 404
    assert extras.get(f"/os-services?host={host}").json() == {"services": []}
    assert extras.get(f"/os-aggregates/{aggregate}").json()["aggregate"]["hosts"] == []


def test_administrators_only(extras: Api, host: str) -> None:
    place = f"/os-services/{service(extras, host)['id']}"

    assert extras.get("/os-services", user="demo").status_code == 403
    assert extras.put(place, {"status": "disabled"}, user="demo").status_code == 403
    assert extras.delete(place, user="demo").status_code == 403
    assert extras.get("/os-services?odd=1").status_code == 400
