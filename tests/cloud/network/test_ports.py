from __future__ import annotations

import ipaddress
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.cloud.network.api import Api, addresses_of


def test_a_port_is_made_shown_and_deleted(demo: Api) -> None:
    network_id, subnet_id = demo.wired("10.0.0.0/24")
    made = demo.port(network_id, name="p", device_id="d")
    assert made["status"] == "DOWN"
    assert re.fullmatch(r"fa:16:3e(:[0-9a-f]{2}){3}", made["mac_address"])
    assert made["fixed_ips"] == [{"subnet_id": subnet_id, "ip_address": "10.0.0.2"}]
    assert made["tenant_id"] == made["project_id"] == demo.project_id
    assert made["port_security_enabled"] is True
    (group_id,) = made["security_groups"]
    assert demo.get(f"/security-groups/{group_id}")["security_group"]["name"] == "default"
    assert not [name for name in made if name.startswith("binding:") and name != "binding:vnic_type"]
    assert demo.get(f"/ports/{made['id']}")["port"] == made
    demo.delete(f"/ports/{made['id']}")
    assert demo.refused("GET", f"/ports/{made['id']}", None, 404)[0] == "PortNotFound"
    assert demo.refused("DELETE", f"/ports/{made['id']}", None, 404)[0] == "PortNotFound"


def test_a_change_may_be_constrained_to_the_revision_that_was_seen(demo: Api) -> None:
    made = demo.port(demo.network()["id"])

    def put(constraint: str, name: str) -> requests.Response:
        url = f"{demo.base}/ports/{made['id']}"
        headers = {"If-Match": constraint}
        return demo.http.put(url, json={"port": {"name": name}}, headers=headers, timeout=20)

    seen = f"revision_number={made['revision_number']}"
    assert put(seen, "mine").status_code == 200
    refused = put(seen, "theirs")
    assert refused.status_code == 412
    assert refused.json()["NeutronError"]["type"] == "RevisionNumberConstraintFailed"
    for nonsense in ("*", "revision_number=x", "revision_number=" + "9" * 400, '"etag"'):
        assert put(nonsense, "theirs").status_code == 400
    assert demo.get(f"/ports/{made['id']}")["port"]["name"] == "mine"


def test_an_address_given_back_is_given_out_again(demo: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/24")
    first, second = demo.port(network_id), demo.port(network_id)
    demo.delete(f"/ports/{first['id']}")
    assert addresses_of(demo.port(network_id)) == addresses_of(first)
    assert addresses_of(demo.port(network_id)) != addresses_of(second)


def test_a_network_without_subnets_gives_no_address(demo: Api) -> None:
    made = demo.port(demo.network()["id"])
    assert made["fixed_ips"] == []
    assert made["ip_allocation"] == "none"


def test_one_address_of_each_version(demo: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/24")
    demo.subnet(network_id, "10.1.0.0/24")
    demo.subnet(network_id, "2001:db8::/64")
    assert addresses_of(demo.port(network_id)) == ["10.0.0.2", "2001:db8::2"]
    assert addresses_of(demo.port(network_id, fixed_ips=[])) == []


def test_devices_make_their_own_addresses_in_slaac_subnets(demo: Api) -> None:
    network_id, subnet_id = demo.wired("2001:db8::/64", ipv6_address_mode="slaac", ipv6_ra_mode="slaac")
    made = demo.port(network_id, mac_address="FA:16:3E:00:00:01")
    assert addresses_of(made) == ["2001:db8::f816:3eff:fe00:1"]
    wish = {"port": {"network_id": network_id, "fixed_ips": [{"ip_address": "2001:db8::5"}]}}
    assert demo.refused("POST", "/ports", wish, 400)[0] == "AllocationOnAutoAddressSubnet"
    demo.delete(f"/ports/{made['id']}")
    again = demo.port(network_id, mac_address="fa:16:3e:00:00:01", fixed_ips=[{"subnet_id": subnet_id}])
    assert addresses_of(again) == addresses_of(made)


def test_the_next_subnet_is_used_when_one_is_full(demo: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/30")
    demo.subnet(network_id, "10.1.0.0/30")
    assert [addresses_of(demo.port(network_id)) for _ in range(2)] == [["10.0.0.2"], ["10.1.0.2"]]
    kind, message = demo.refused("POST", "/ports", {"port": {"network_id": network_id}}, 409)
    assert kind == "IpAddressGenerationFailure"
    assert message == f"No more IP addresses available on network {network_id}."


def test_a_certain_address(demo: Api) -> None:
    network_id, subnet_id = demo.wired("10.0.0.0/24")
    made = demo.port(network_id, fixed_ips=[{"ip_address": "10.0.0.3"}])
    assert made["fixed_ips"] == [{"subnet_id": subnet_id, "ip_address": "10.0.0.3"}]
    taken = {"port": {"network_id": network_id, "fixed_ips": [{"subnet_id": subnet_id, "ip_address": "10.0.0.3"}]}}
    assert demo.refused("POST", "/ports", taken, 409)[0] == "IpAddressAlreadyAllocated"
    assert [addresses_of(demo.port(network_id)) for _ in range(2)] == [["10.0.0.2"], ["10.0.0.4"]]


@pytest.mark.parametrize(
    ("fixed_ips", "kind"),
    [
        ([{"ip_address": "10.9.9.9"}], "InvalidIpForNetwork"),
        ([{"ip_address": "10.0.0.0"}], "InvalidIpForNetwork"),
        ([{"ip_address": "10.0.0.255"}], "InvalidIpForNetwork"),
        ([{"ip_address": "2001:db8::1"}], "InvalidIpForNetwork"),
        ([{"ip_address": "10.0.0"}], "HTTPBadRequest"),
        ([{"subnet_id": "SUBNET", "ip_address": "10.9.9.9"}], "InvalidIpForSubnet"),
        ([{"subnet_id": "SUBNET", "ip_address": "10.0.0.255"}], "InvalidIpForSubnet"),
        ([{"subnet_id": "another"}], "InvalidInput"),
        ([{}], "InvalidInput"),
        ([{"subnet_id": "SUBNET"}] * 6, "InvalidInput"),
        ([{"subnet_id": 5}], "HTTPBadRequest"),
        ([{"address": "10.0.0.5"}], "HTTPBadRequest"),
        ("10.0.0.5", "HTTPBadRequest"),
        ({"ip_address": "10.0.0.5"}, "HTTPBadRequest"),
    ],
)
def test_impossible_addresses_are_refused(demo: Api, fixed_ips: Any, kind: str) -> None:
    network_id, subnet_id = demo.wired("10.0.0.0/24")
    if isinstance(fixed_ips, list):
        fixed_ips = [
            {name: subnet_id if value == "SUBNET" else value for name, value in wish.items()} for wish in fixed_ips
        ]
    body = {"port": {"network_id": network_id, "fixed_ips": fixed_ips}}
    assert demo.refused("POST", "/ports", body, 400)[0] == kind
    # nothing was held back by what failed
    assert addresses_of(demo.port(network_id)) == ["10.0.0.2"]


def test_addresses_of_a_port_are_changed(demo: Api) -> None:
    network_id, subnet_id = demo.wired("10.0.0.0/24")
    port = demo.port(network_id)
    path = f"/ports/{port['id']}"

    def change(*wanted: dict[str, str]) -> list[str]:
        return addresses_of(demo.put(path, {"port": {"fixed_ips": list(wanted)}})["port"])

    assert change({"subnet_id": subnet_id}) == ["10.0.0.2"]
    assert change({"ip_address": "10.0.0.9"}, {"ip_address": "10.0.0.2"}) == ["10.0.0.9", "10.0.0.2"]
    assert change({"subnet_id": subnet_id}, {"subnet_id": subnet_id}, {"ip_address": "10.0.0.2"}) == [
        "10.0.0.9",
        "10.0.0.3",
        "10.0.0.2",
    ]
    demo.put(path, {"port": {"fixed_ips": [{"ip_address": "10.9.0.9"}]}}, expect=400)
    assert len(demo.get(path)["port"]["fixed_ips"]) == 3
    assert change() == []
    assert addresses_of(demo.port(network_id)) == ["10.0.0.2"]
    demo.delete(path)


def test_one_address_is_not_had_twice_by_one_port(demo: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/24")
    twice = {"port": {"network_id": network_id, "fixed_ips": [{"ip_address": "10.0.0.5"}] * 2}}
    demo.post("/ports", twice, expect=409)


def test_macs(demo: Api, admin: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/24")
    made = demo.port(network_id, mac_address="52:54:00:12:34:56")
    assert made["mac_address"] == "52:54:00:12:34:56"
    body = {"port": {"network_id": network_id, "mac_address": "52:54:00:12:34:56"}}
    assert demo.refused("POST", "/ports", body, 409)[0] == "MacAddressInUse"
    for wrong in ("", "52:54:00:12:34", "zz:54:00:12:34:56", "01:00:00:00:00:01", "00:00:00:00:00:00", 7):
        body["port"]["mac_address"] = wrong  # type: ignore[assignment]
        demo.post("/ports", body, expect=400)
    other = demo.network()["id"]
    demo.port(other, mac_address="52:54:00:12:34:56")
    demo.put(f"/ports/{made['id']}", {"port": {"mac_address": "52:54:00:12:34:57"}}, expect=403)
    moved = admin.put(f"/ports/{made['id']}", {"port": {"mac_address": "52:54:00:12:34:57"}})["port"]
    assert moved["mac_address"] == "52:54:00:12:34:57"


def test_ports_are_their_projects_own(demo: Api, admin: Api) -> None:
    network = admin.network(shared=True)
    admin.subnet(network["id"], "10.0.0.0/24")
    theirs, own = admin.port(network["id"]), demo.port(network["id"])
    seen = {port["id"] for port in demo.get(f"/ports?network_id={network['id']}")["ports"]}
    assert seen == {own["id"]}
    for method in ("GET", "DELETE"):
        demo.call(method, f"/ports/{theirs['id']}", expect=404)
    demo.put(f"/ports/{theirs['id']}", {"port": {"name": "mine"}}, expect=404)
    assert len(admin.get(f"/ports?network_id={network['id']}")["ports"]) == 2
    admin.delete(f"/ports/{own['id']}")


def test_what_a_member_may_not_say_of_a_port(demo: Api, admin: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/24")
    port = demo.port(network_id)
    for attributes in ({"binding:host_id": "h"}, {"binding:profile": {"a": 1}}, {"device_owner": "network:dhcp"}):
        body = {"port": {"network_id": network_id, **attributes}}
        assert demo.refused("POST", "/ports", body, 403)[0] == "PolicyNotAuthorized", attributes
        demo.put(f"/ports/{port['id']}", {"port": attributes}, expect=403)
    hidden = admin.network()["id"]
    assert demo.refused("POST", "/ports", {"port": {"network_id": hidden}}, 404)[0] == "NetworkNotFound"
    outside = admin.network(**{"router:external": True})["id"]
    demo.post("/ports", {"port": {"network_id": outside}}, expect=403)


@pytest.mark.parametrize(
    "attributes",
    [
        {"network_id": None},
        {"network_id": 5},
        {"device_id": None},
        {"device_id": "x" * 256},
        {"admin_state_up": 1},
        {"security_groups": "default"},
        {"binding:vnic_type": "pigeon"},
        {"host_id": "h"},
        {"status": "ACTIVE"},
        {"allowed_address_pairs": [{"ip_address": "x"}]},
        {"allowed_address_pairs": [{"ip_address": "10.0.0.9", "mac_address": "x"}]},
        {"allowed_address_pairs": [{"ip_address": "10.0.0.9"}] * 2},
        {"allowed_address_pairs": [{"ip_address": "10.0.0.9"}] * 11},
        {"extra_dhcp_opts": [{"opt_value": "x"}]},
        {"port_security_enabled": False, "allowed_address_pairs": [{"ip_address": "10.0.0.9"}]},
    ],
)
def test_bad_ports_are_refused(demo: Api, attributes: dict[str, Any]) -> None:
    body = {"port": {"network_id": demo.network()["id"], **attributes}}
    kind, message = demo.refused("POST", "/ports", body, 400)
    assert kind
    assert message


def test_security_groups_of_a_port(demo: Api, admin: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/24")
    group = demo.post("/security-groups", {"security_group": {"name": "g"}})["security_group"]["id"]
    theirs = admin.post("/security-groups", {"security_group": {"name": "g"}})["security_group"]["id"]
    port = demo.port(network_id, security_groups=[group, group])
    assert port["security_groups"] == [group]
    assert [one["id"] for one in demo.get(f"/ports?security_groups={group}")["ports"]] == [port["id"]]
    for wrong in (theirs, "default", "x"):
        body = {"port": {"network_id": network_id, "security_groups": [wrong]}}
        assert demo.refused("POST", "/ports", body, 404)[0] == "SecurityGroupNotFound"
    assert demo.refused("DELETE", f"/security-groups/{group}", None, 409)[0] == "SecurityGroupInUse"
    path = f"/ports/{port['id']}"
    assert demo.put(path, {"port": {"security_groups": []}})["port"]["security_groups"] == []
    demo.delete(f"/security-groups/{group}")
    open_port = demo.port(network_id, port_security_enabled=False)
    assert open_port["security_groups"] == []
    default = demo.get("/security-groups?name=default")["security_groups"][0]["id"]
    change = {"port": {"security_groups": [default]}}
    assert (
        demo.refused("PUT", f"/ports/{open_port['id']}", change, 400)[0] == "PortSecurityAndIPRequiredForSecurityGroups"
    )


def test_pairs_and_dhcp_options_are_kept(demo: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/24")
    port = demo.port(
        network_id,
        allowed_address_pairs=[{"ip_address": "10.0.0.0/28"}],
        extra_dhcp_opts=[{"opt_name": "tftp-server", "opt_value": "10.0.0.9"}],
    )
    assert port["allowed_address_pairs"] == [{"ip_address": "10.0.0.0/28", "mac_address": port["mac_address"]}]
    assert port["extra_dhcp_opts"] == [{"opt_name": "tftp-server", "opt_value": "10.0.0.9", "ip_version": 4}]
    change = {"extra_dhcp_opts": [{"opt_name": "tftp-server", "opt_value": None}], "allowed_address_pairs": []}
    changed = demo.put(f"/ports/{port['id']}", {"port": change})["port"]
    assert changed["extra_dhcp_opts"] == []
    assert changed["allowed_address_pairs"] == []


def test_ports_are_found_by_address_device_and_owner(demo: Api, nova: Api) -> None:
    network_id, subnet_id = demo.wired("10.0.0.0/24")
    device = str(uuid.uuid4())
    port = demo.port(network_id, device_id=device)
    demo.port(network_id)

    def found(query: str) -> list[str]:
        return [one["id"] for one in demo.get(f"/ports?network_id={network_id}&{query}")["ports"]]

    assert found("fixed_ips=ip_address%3D10.0.0.2") == [port["id"]]
    assert found("fixed_ips=ip_address%3D10.0.0.99&fields=device_id") == []
    assert found("fixed_ips=ip_address%3Dnonsense") == []
    assert len(found(f"fixed_ips=subnet_id%3D{subnet_id}")) == 2
    assert found(f"fixed_ips=subnet_id%3D{subnet_id}&fixed_ips=ip_address%3D10.0.0.2") == [port["id"]]
    assert found(f"device_id={device}") == [port["id"]]
    assert len(found("device_id=")) == 1
    assert found("device_owner=network%3Adhcp") == []
    demo.get("/ports?fixed_ips=10.0.0.2", expect=400)
    many = "&".join(f"device_id={uuid.uuid4()}" for _ in range(400))
    assert [one["id"] for one in nova.get(f"/ports?{many}&device_id={device}")["ports"]] == [port["id"]]


def test_64_at_once_get_different_addresses_and_only_as_many_as_there_are(demo: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/26")

    def make(_: int) -> tuple[int, Any]:
        reply = demo.http.post(demo.base + "/ports", json={"port": {"network_id": network_id}}, timeout=30)
        return reply.status_code, reply.json()

    with ThreadPoolExecutor(64) as threads:
        outcomes = list(threads.map(make, range(64)))
    made = [body["port"] for status, body in outcomes if status == 201]
    refused = [body["NeutronError"]["type"] for status, body in outcomes if status != 201]
    addresses = {addresses_of(port)[0] for port in made}
    network = ipaddress.ip_network("10.0.0.0/26")
    assert addresses == {str(host) for host in network.hosts()} - {"10.0.0.1"}
    assert len(made) == 61
    assert refused == ["IpAddressGenerationFailure"] * 3
    assert len({port["mac_address"] for port in made}) == 61
    with ThreadPoolExecutor(64) as threads:
        list(threads.map(lambda port: demo.delete(f"/ports/{port['id']}"), made))
        again = list(threads.map(make, range(61)))
    assert {addresses_of(body["port"])[0] for _, body in again} == addresses


def test_one_address_wanted_by_many_is_had_by_one(demo: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/24")
    body = {"port": {"network_id": network_id, "fixed_ips": [{"ip_address": "10.0.0.50"}]}}

    def make(_: int) -> int:
        return demo.http.post(demo.base + "/ports", json=body, timeout=30).status_code

    with ThreadPoolExecutor(16) as threads:
        assert sorted(threads.map(make, range(16))) == [201] + [409] * 15
