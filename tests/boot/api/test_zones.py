"""Availability zones as hosts and aggregates make them."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from engine.v1.inventory_pb2 import HostService
from tests.boot.api.extras_harness import Api


def zones(api: Api, *, detail: bool = False, user: str = "admin") -> dict[str, dict[str, Any]]:
    answer = api.get(f"/os-availability-zone{'/detail' if detail else ''}", user=user, version="")
    assert answer.status_code == 200, answer.text
    return {item["zoneName"]: item for item in answer.json()["availabilityZoneInfo"]}


def test_hosts_without_a_zone_are_in_the_default_one(extras: Api) -> None:
    shown = zones(extras, user="demo")

    assert shown["nova"] == {"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}
    assert "internal" not in shown


def test_the_detail_names_hosts_and_their_services(extras: Api) -> None:
    shown = zones(extras, detail=True)

    service = shown["nova"]["hosts"]["cn1"]["nova-compute"]
    assert (service["available"], service["active"]) == (True, True)
    (internal,) = shown["internal"]["hosts"].values()
    assert internal["nova-scheduler"]["available"] is True
    assert extras.get("/os-availability-zone/detail", user="demo").status_code == 403


def test_zones_of_aggregates_and_of_hosts_themselves(extras: Api) -> None:
    own, joined = (f"host-{uuid4().hex[:8]}" for _ in range(2))
    extras.add_host(own, availability_zone="az-of-host")
    extras.add_host(joined)
    made = extras.post("/os-aggregates", {"aggregate": {"name": f"a-{joined}", "availability_zone": "az-of-agg"}})
    extras.post(f"/os-aggregates/{made.json()['aggregate']['id']}/action", {"add_host": {"host": joined}})

    shown = zones(extras, detail=True)
    assert own in shown["az-of-host"]["hosts"]
    assert joined in shown["az-of-agg"]["hosts"]
    assert joined not in shown["nova"]["hosts"]


def test_a_zone_whose_hosts_are_disabled_is_not_available(extras: Api) -> None:
    name = f"host-{uuid4().hex[:8]}"
    service = HostService(disabled=True, last_seen_up_us=int(time.time() * 1e6))
    extras.add_host(name, availability_zone="az-off", service=service)
    extras.post("/os-aggregates", {"aggregate": {"name": f"flush-{name}"}})

    shown = zones(extras, detail=True)["az-off"]
    assert shown["zoneState"] == {"available": False}
    assert shown["hosts"][name]["nova-compute"]["active"] is False
    assert shown["hosts"][name]["nova-compute"]["available"] is True
