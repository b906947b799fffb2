"""Hypervisors: the scheduler's hosts in nova's fields, by version."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.boot.api.extras_harness import Api, extras_api, message_of
from tests.boot.api.test_services import flush


@pytest.fixture
def host(extras: Api) -> str:
    """A host of the test's own, that the listings know."""
    name = f"hv-{uuid4().hex[:8]}"
    extras.add_host(name, hypervisor_type="QEMU", hypervisor_version=8_002_000, stats={"uptime": "up 1 day"})
    flush(extras)
    return name


def of_host(api: Api, host: str, *, version: str = "2.96", detail: bool = True) -> dict[str, Any]:
    answer = api.get(f"/os-hypervisors{'/detail' if detail else ''}", version=version)
    assert answer.status_code == 200, answer.text
    (found,) = [item for item in answer.json()["hypervisors"] if item["hypervisor_hostname"] == host]
    assert isinstance(found, dict)
    return found


def test_a_hypervisor_is_answered_as_nova_does(extras: Api, host: str) -> None:
    found = of_host(extras, host, version="2.88")

    assert found == {
        "id": found["id"],
        "hypervisor_hostname": host,
        "state": "up",
        "status": "enabled",
        "hypervisor_type": "QEMU",
        "hypervisor_version": 8_002_000,
        "host_ip": "10.0.0.1",
        "service": {"id": found["service"]["id"], "host": host, "disabled_reason": None},
        "uptime": "up 1 day",
    }
    (listed,) = extras.get(f"/os-services?host={host}").json()["services"]
    assert found["service"]["id"] == listed["id"]
    brief = {name: found[name] for name in ("id", "hypervisor_hostname", "state", "status")}
    assert of_host(extras, host, detail=False) == brief
    assert extras.get(f"/os-hypervisors/{found['id']}", version="2.88").json() == {"hypervisor": found}


def test_sizes_until_2_87(extras: Api, host: str) -> None:
    found = of_host(extras, host, version="2.87")

    sizes = {
        "vcpus": 8,
        "vcpus_used": 0,
        "memory_mb": 16_384,
        "memory_mb_used": 512,
        "free_ram_mb": 15_872,
        "local_gb": 100,
        "local_gb_used": 0,
        "free_disk_gb": 100,
        "running_vms": 0,
        "current_workload": 0,
        "cpu_info": {},
    }
    assert found.items() >= sizes.items()
    assert "uptime" not in found
    assert of_host(extras, host, version="2.27")["cpu_info"] == ""


def test_ids_are_numbers_below_2_53(extras: Api, host: str) -> None:
    number = of_host(extras, host, version="2.52")["id"]

    assert isinstance(number, int)
    UUID(of_host(extras, host)["id"])
    shown = extras.get(f"/os-hypervisors/{number}", version="2.52").json()["hypervisor"]
    assert shown["hypervisor_hostname"] == host


def test_ids_that_are_none(extras: Api) -> None:
    answer = extras.get("/os-hypervisors/cn1", version="2.88")
    assert (answer.status_code, message_of(answer)) == (400, "Invalid uuid cn1")
    uuid = str(uuid4())
    answer = extras.get(f"/os-hypervisors/{uuid}", version="2.88")
    assert (answer.status_code, message_of(answer)) == (404, f"Hypervisor with ID '{uuid}' could not be found.")
    assert extras.get("/os-hypervisors/x", version="2.1").status_code == 404


def test_servers_of_hosts(extras: Api, host: str) -> None:
    uuid = extras.add_instance(host=host, display_name="guest")
    servers = [{"uuid": uuid, "name": "guest"}]
    query = f"/os-hypervisors?hypervisor_hostname_pattern={host}&with_servers=true"

    (found,) = extras.get(query, version="2.53").json()["hypervisors"]
    assert found["servers"] == servers
    (older,) = extras.get(f"/os-hypervisors/{host}/servers", version="2.52").json()["hypervisors"]
    assert older["servers"] == servers
    assert extras.get(f"/os-hypervisors/{found['id']}?with_servers=1").json()["hypervisor"]["servers"] == servers
    extras.remove_instance(uuid)
    assert extras.get(query).json()["hypervisors"][0]["servers"] == []
    assert "servers" not in extras.get(query, version="2.74").json()["hypervisors"][0]
    assert extras.get("/os-hypervisors?with_servers=perhaps").status_code == 400


def test_searching(extras: Api, host: str) -> None:
    (found,) = extras.get(f"/os-hypervisors/{host[3:]}/search", version="2.1").json()["hypervisors"]
    assert found["hypervisor_hostname"] == host
    missing = extras.get("/os-hypervisors/nowhere/search", version="2.1")
    assert (missing.status_code, message_of(missing)) == (404, "No hypervisor matching 'nowhere' could be found.")
    assert extras.get("/os-hypervisors?hypervisor_hostname_pattern=nowhere").status_code == 404
    assert extras.get("/os-hypervisors?hypervisor_hostname_pattern=a&limit=1").status_code == 400
    assert extras.get(f"/os-hypervisors/{host}/search", version="2.53").status_code == 404
    assert extras.get(f"/os-hypervisors/{host}/servers", version="2.53").status_code == 404


def test_uptime_is_told_where_the_agent_tells_it(extras: Api, host: str) -> None:
    place = f"/os-hypervisors/{of_host(extras, host)['id']}/uptime"

    assert extras.get(place, version="2.87").json()["hypervisor"]["uptime"] == "up 1 day"
    assert extras.get(place, version="2.88").status_code == 404
    silent = of_host(extras, "cn1")
    assert silent["uptime"] is None
    assert extras.get(f"/os-hypervisors/{silent['id']}/uptime", version="2.87").status_code == 501


def test_pages(extras: Api) -> None:
    everything = [item["id"] for item in extras.get("/os-hypervisors").json()["hypervisors"]]

    found: list[str] = []
    query = "/os-hypervisors?limit=2"
    while query:
        page = extras.get(query).json()
        found += [item["id"] for item in page["hypervisors"]]
        links = page.get("hypervisors_links", [])
        query = links[0]["href"].removeprefix(f"{extras.url}/v2.1") if links else ""
    assert found == everything
    assert extras.get(f"/os-hypervisors?marker={uuid4()}").status_code == 400
    assert extras.get("/os-hypervisors?limit=-1").status_code == 400


def test_administrators_only(extras: Api) -> None:
    for path in ("", "/detail", "/statistics", f"/{uuid4()}", "/x/search", "/x/servers", "/x/uptime"):
        assert extras.get(f"/os-hypervisors{path}", user="demo", version="2.52").status_code == 403


def test_statistics_until_2_87(tmp_path_factory: pytest.TempPathFactory) -> None:
    with extras_api(tmp_path_factory.mktemp("statistics")) as api:
        empty = api.get("/os-hypervisors/statistics", version="2.1").json()["hypervisor_statistics"]
        api.add_host("s1")
        api.add_host("s2")
        flush(api)
        sums = api.get("/os-hypervisors/statistics", version="2.1").json()["hypervisor_statistics"]

        assert set(empty.values()) == {0}
        assert sums == {
            "count": 2,
            "vcpus": 16,
            "vcpus_used": 0,
            "memory_mb": 32_768,
            "memory_mb_used": 1_024,
            "free_ram_mb": 31_744,
            "local_gb": 200,
            "local_gb_used": 0,
            "free_disk_gb": 200,
            "disk_available_least": 200,
            "running_vms": 0,
            "current_workload": 0,
        }
        assert api.get("/os-hypervisors/statistics", version="2.88").status_code == 404
