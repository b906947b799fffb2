"""Addresses, interfaces and security groups of a server; and the timeline of its boot."""

from __future__ import annotations

import pytest

from engine.boot.store.instances import InstanceRow
from tests.boot.api.test_servers_read import ADDRESS, active
from tests.boot.harness import BootApi, message_of


@pytest.fixture(scope="module")
def server(api: BootApi) -> InstanceRow:
    row = api.placed()
    active(api, row.uuid, interfaces=[ADDRESS])
    return row


def test_addresses(api: BootApi, server: InstanceRow) -> None:
    address = {"version": 4, "addr": "10.9.8.7"}
    assert api.get(f"/servers/{server.uuid}/ips").json() == {"addresses": {"net1": [address]}}
    assert api.get(f"/servers/{server.uuid}/ips/net1").json() == {"net1": [address]}
    assert message_of(api.get(f"/servers/{server.uuid}/ips/net2")) == "Network label not found"


def test_interfaces_and_security_groups_are_those_of_the_ports(api: BootApi) -> None:
    network = api.network("interfaces", cidr="10.44.0.0/24")
    row = api.placed(networks=[{"uuid": network}])
    port = api.port(network, device_id=row.uuid, device_owner="compute:nova")
    path = f"/servers/{row.uuid}/os-interface"
    (listed,) = api.get(path).json()["interfaceAttachments"]
    assert (listed["port_id"], listed["net_id"]) == (port, network)
    assert listed["fixed_ips"][0]["ip_address"].startswith("10.44.0.")
    assert "tag" in listed
    assert "tag" not in api.get(f"{path}/{port}", version="2.69").json()["interfaceAttachment"]
    assert api.get(f"{path}/nothing").status_code == 404
    assert api.post(path, {"interfaceAttachment": {}}).status_code == 501
    assert api.delete(f"{path}/{port}").status_code == 501
    (group,) = api.get(f"/servers/{row.uuid}/os-security-groups").json()["security_groups"]
    assert group["name"] == "default"
    assert api.get(f"/servers/{api.booted()}/os-security-groups").json() == {"security_groups": []}


def test_the_timeline_names_hosts_to_administrators_alone(api: BootApi, server: InstanceRow) -> None:
    mine = api.get(f"/servers/{server.uuid}/berth-timeline").json()["timeline"]
    assert [step["step"] for step in mine] == list(range(1, 13))
    assert mine[7]["component"] == "nova-api"
    assert all(step["attempt"] == 1 and not step["error"] for step in mine)
    assert {step["host"] for step in mine[7:]} == {api.server(server.uuid)["hostId"]}
    admins = api.get(f"/servers/{server.uuid}/berth-timeline", user="admin").json()["timeline"]
    assert {step["host"] for step in admins[7:]} == {server.host}
    assert api.get("/servers/none/berth-timeline").status_code == 404


def test_actions_by_version(api: BootApi, server: InstanceRow) -> None:
    path = f"/servers/{server.uuid}/os-instance-actions"
    (action,) = api.get(path, version="2.57").json()["instanceActions"]
    assert "updated_at" not in action
    assert action["start_time"].endswith(tuple("0123456789"))
    one = api.get(f"{path}/{action['request_id']}").json()["instanceAction"]
    assert (one["action"], one["events"]) == ("create", [])
    assert "events" not in api.get(f"{path}/{action['request_id']}", version="2.50").json()["instanceAction"]
    assert api.get(f"{path}/req-nothing").status_code == 404
    assert api.get(f"{path}?changes-since=2100-01-01").json() == {"instanceActions": []}
    assert api.get(f"{path}?changes-since=later").status_code == 400
    assert api.get(f"{path}?limit=0").json()["instanceActions"] == []
