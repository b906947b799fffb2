"""Servers as they are listed and shown: filters, order, pages, versions, and what only administrators see."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from engine.boot.states import TaskState, VmState
from engine.boot.store.history import add_fault
from engine.boot.store.instances import InstanceRow, change_instance
from engine.boot.store.schema import instances
from tests.boot.harness import BootApi, message_of

ADDRESS = {
    "port_id": "p1",
    "network_id": "n1",
    "network_name": "net1",
    "mac_address": "fa:16:3e:00:00:01",
    "addresses": [{"address": "10.9.8.7", "subnet_id": "s1"}],
}


def change(api: BootApi, uuid: str, **values: Any) -> None:
    api.write(lambda connection: change_instance(connection, uuid, values, now=time.time()))


def active(api: BootApi, uuid: str, **values: Any) -> None:
    """Let a server be as after its boot."""
    api.wait_for(uuid, lambda row: bool(row.host))
    change(
        api,
        uuid,
        **{"vm_state": VmState.ACTIVE.value, "task_state": TaskState.NONE.value, "power_state": 1, **values},
    )


@pytest.fixture(scope="module")
def servers(api: BootApi) -> Iterator[dict[str, InstanceRow]]:
    """Four servers: alpha-1 (active, tagged, with an address), alpha-2 (stopped), beta (ERROR), gamma (admin's)."""
    names = {name: api.booted(name=name, metadata={}) for name in ("alpha-1", "alpha-2", "beta")}
    names["gamma"] = api.booted(name="gamma", user="admin")
    active(api, names["alpha-1"], tags=["red", "blue"], interfaces=[ADDRESS], launched_at=time.time())
    active(api, names["alpha-2"], vm_state=VmState.STOPPED.value, power_state=4, tags=["red"])
    active(api, names["beta"], vm_state=VmState.ERROR.value, host="")
    active(api, names["gamma"])
    api.write(lambda connection: add_fault(connection, names["beta"], "it broke", details="trace", now=time.time()))
    rows = {name: api.row(uuid) for name, uuid in names.items()}
    yield {name: row for name, row in rows.items() if row is not None}
    for uuid in names.values():
        api.write(lambda connection, uuid=uuid: connection.execute(instances.delete().where(instances.c.uuid == uuid)))


def names_of(api: BootApi, query: str, **options: Any) -> list[str]:
    answer = api.get(f"/servers/detail?{query}", **options)
    assert answer.status_code == 200, answer.text
    known = {"alpha-1", "alpha-2", "beta", "gamma"}
    return sorted(server["name"] for server in answer.json()["servers"] if server["name"] in known)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("deleted=False", ["alpha-1", "alpha-2", "beta"]),
        ("name=alpha", ["alpha-1", "alpha-2"]),
        ("name=^alpha-[12]$", ["alpha-1", "alpha-2"]),
        ("name=LPHA", ["alpha-1", "alpha-2"]),
        ("name=^beta$", ["beta"]),
        ("name=(a%2B)%2B$", []),
        ("name=%25", []),
        ("status=ACTIVE&name=alpha", ["alpha-1"]),
        ("status=shutoff", ["alpha-2"]),
        ("status=ACTIVE&status=SHUTOFF&name=alpha", ["alpha-1", "alpha-2"]),
        ("status=ERROR&name=beta", ["beta"]),
        ("status=NONSENSE", []),
        ("vm_state=stopped", ["alpha-2"]),
        ("tags=red,blue", ["alpha-1"]),
        ("tags-any=red,green", ["alpha-1", "alpha-2"]),
        ("not-tags=red&name=eta", ["beta"]),
        ("ip=10.9.8", ["alpha-1"]),
        ("ip=10.9.9", []),
        ("ip6=10", []),
        ("flavor=2", []),
        ("locked=false&name=alpha", ["alpha-1", "alpha-2"]),
        ("locked=true", []),
        ("changes-since=2100-01-01T00:00:00Z", []),
        ("host=h99&name=alpha", ["alpha-1", "alpha-2"]),
        ("project_id=other&name=alpha", ["alpha-1", "alpha-2"]),
    ],
)
def test_filters(api: BootApi, servers: dict[str, InstanceRow], query: str, expected: list[str]) -> None:
    assert names_of(api, query) == expected


def test_filters_of_administrators(api: BootApi, servers: dict[str, InstanceRow]) -> None:
    assert names_of(api, "name=a", user="admin") == ["gamma"]
    assert names_of(api, "all_tenants=True", user="admin") == ["alpha-1", "alpha-2", "beta", "gamma"]
    assert names_of(api, "all_tenants=1&host=h99", user="admin") == []
    host, project = servers["alpha-1"].host, servers["alpha-1"].project_id
    assert "alpha-1" in names_of(api, f"all_tenants=1&host={host}", user="admin")
    assert names_of(api, f"project_id={project}&name=beta", user="admin") == ["beta"]
    assert names_of(api, "all_tenants=1&deleted=True", user="admin") == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("all_tenants=1", 403),
        ("status=deleted", 403),
        ("all_tenants=perhaps", 400),
        ("sort_key=password", 400),
        ("sort_dir=sideways", 400),
        ("limit=-1", 400),
        ("limit=many", 400),
        ("marker=nobody", 400),
        ("changes-since=yesterday", 400),
        ("power_state=on", 400),
        ("surprise=1", 400),
    ],
)
def test_bad_queries(api: BootApi, query: str, status: int) -> None:
    assert api.get(f"/servers/detail?{query}").status_code == status
    if query == "surprise=1":
        assert api.get(f"/servers/detail?{query}", version="2.1").status_code == 200


@pytest.mark.parametrize("order", ["", "sort_key=display_name&sort_dir=asc", "sort_key=vm_state&sort_key=uuid"])
def test_pages_hold_every_server_once(api: BootApi, servers: dict[str, InstanceRow], order: str) -> None:
    whole = [server["id"] for server in api.get(f"/servers?{order}").json()["servers"]]
    paged: list[str] = []
    url = f"{api.url}/servers?limit=2&{order}"
    while url:
        answer = api.http.get(url, headers={"X-Auth-Token": api.token(), "OpenStack-API-Version": "compute 2.96"})
        page = answer.json()
        assert len(page["servers"]) <= 2
        paged += [server["id"] for server in page["servers"]]
        url = next((link["href"] for link in page.get("servers_links", ()) if link["rel"] == "next"), "")
    assert paged == whole
    assert len(set(whole)) == len(whole)


def test_another_projects_marker_is_not_known(api: BootApi, servers: dict[str, InstanceRow]) -> None:
    marker = servers["gamma"].uuid
    assert message_of(api.get(f"/servers?marker={marker}")) == f"marker [{marker}] not found"


@pytest.mark.parametrize("name", ["vm", "0", "a" * 300, "%00", "..%2f", "é"])
def test_what_is_no_server(api: BootApi, name: str) -> None:
    answer = api.get(f"/servers/{name}")
    assert answer.status_code == 404


def test_another_projects_server_is_not_there(api: BootApi, servers: dict[str, InstanceRow]) -> None:
    uuid = servers["gamma"].uuid
    assert message_of(api.get(f"/servers/{uuid}")) == f"Instance {uuid} could not be found."
    assert api.delete(f"/servers/{uuid}").status_code == 404
    for path in ("metadata", "tags", "os-instance-actions", "os-volume_attachments", "ips", "berth-timeline"):
        assert api.get(f"/servers/{uuid}/{path}").status_code == 404, path
    assert api.post(f"/servers/{uuid}/action", {"os-stop": None}).status_code == 404
    assert api.get(f"/servers/{servers['alpha-1'].uuid}", user="admin").status_code == 200


def test_what_an_active_server_shows(api: BootApi, servers: dict[str, InstanceRow]) -> None:
    shown = api.server(servers["alpha-1"].uuid)
    assert (shown["status"], shown["OS-EXT-STS:task_state"], shown["OS-EXT-STS:power_state"]) == ("ACTIVE", None, 1)
    assert shown["addresses"] == {
        "net1": [
            {
                "version": 4,
                "addr": "10.9.8.7",
                "OS-EXT-IPS:type": "fixed",
                "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01",
            }
        ]
    }
    assert shown["tags"] == ["red", "blue"]
    assert len(shown["hostId"]) == 56
    assert shown["OS-SRV-USG:launched_at"].endswith("000") or len(shown["OS-SRV-USG:launched_at"]) == 26
    assert not [name for name in shown if name.startswith("OS-EXT-SRV-ATTR") and not name.endswith(":hostname")]


def test_faults_are_shown_and_their_details_to_administrators(api: BootApi, servers: dict[str, InstanceRow]) -> None:
    uuid = servers["beta"].uuid
    fault = api.server(uuid)["fault"]
    assert (fault["code"], fault["message"]) == (500, "it broke")
    assert "details" not in fault
    assert api.server(uuid, user="admin")["fault"]["details"] == "trace"
    listed = api.get("/servers/detail?name=^beta$").json()["servers"]
    assert listed[0]["fault"]["message"] == "it broke"
    assert "fault" not in api.server(servers["alpha-1"].uuid)


@pytest.mark.parametrize(
    ("version", "there", "absent"),
    [
        ("2.1", ["OS-EXT-STS:vm_state", "image"], ["locked", "description", "tags", "OS-EXT-SRV-ATTR:user_data"]),
        ("2.9", ["locked", "OS-EXT-SRV-ATTR:user_data"], ["description", "host_status"]),
        ("2.19", ["description", "host_status"], ["tags"]),
        ("2.26", ["tags"], ["trusted_image_certificates"]),
        ("2.71", ["trusted_image_certificates", "server_groups"], ["locked_reason"]),
        ("2.73", ["locked_reason"], ["pinned_availability_zone"]),
        ("2.96", ["pinned_availability_zone"], []),
    ],
)
def test_fields_come_with_their_version(
    api: BootApi, servers: dict[str, InstanceRow], version: str, there: list[str], absent: list[str]
) -> None:
    shown = api.server(servers["alpha-1"].uuid, user="admin", version=version)
    assert set(there) <= shown.keys()
    assert not set(absent) & shown.keys()


def test_the_flavor_is_embedded_from_2_47(api: BootApi, servers: dict[str, InstanceRow]) -> None:
    uuid = servers["alpha-1"].uuid
    assert api.server(uuid, version="2.46")["flavor"]["id"] == "1"
    assert api.server(uuid, version="2.47")["flavor"] == {
        "original_name": "m1.tiny",
        "vcpus": 1,
        "ram": 512,
        "disk": 1,
        "ephemeral": 0,
        "swap": 0,
        "extra_specs": {},
    }


def test_administrators_see_the_host(api: BootApi, servers: dict[str, InstanceRow]) -> None:
    row = servers["alpha-1"]
    shown = api.server(row.uuid, user="admin")
    assert shown["OS-EXT-SRV-ATTR:host"] == row.host
    assert shown["OS-EXT-SRV-ATTR:instance_name"] == f"instance-{row.number:08x}"
    assert shown["host_status"] == "UP"


def test_headers(api: BootApi) -> None:
    answer = api.get("/servers", version="2.90")
    assert answer.headers["OpenStack-API-Version"] == "compute 2.90"
    assert answer.headers["X-OpenStack-Nova-API-Version"] == "2.90"
    assert answer.headers["X-Compute-Request-Id"].startswith("req-")
    assert api.get("/servers", version="2.97").status_code == 406
    refused = api.call("GET", "/servers", headers={"X-Auth-Token": ""})
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Keystone uri=")
