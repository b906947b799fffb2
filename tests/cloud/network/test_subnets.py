from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.network.api import Api, addresses_of


def test_a_subnet_has_what_clients_need(demo: Api) -> None:
    network_id = demo.network()["id"]
    made = demo.subnet(network_id, "10.77.0.0/24", name="s", ip_version=4)
    assert made["gateway_ip"] == "10.77.0.1"
    assert made["allocation_pools"] == [{"start": "10.77.0.2", "end": "10.77.0.254"}]
    assert (made["dns_nameservers"], made["host_routes"], made["enable_dhcp"]) == ([], [], True)
    assert made["tenant_id"] == demo.project_id
    assert demo.get(f"/networks/{network_id}")["network"]["subnets"] == [made["id"]]
    assert demo.get(f"/subnets/{made['id']}")["subnet"] == made
    demo.delete(f"/subnets/{made['id']}")
    assert demo.refused("GET", f"/subnets/{made['id']}", None, 404)[0] == "SubnetNotFound"
    assert demo.get(f"/networks/{network_id}")["network"]["subnets"] == []


def test_host_bits_are_cleared(demo: Api) -> None:
    assert demo.subnet(demo.network()["id"], "10.0.0.77/24")["cidr"] == "10.0.0.0/24"


def test_a_subnet_may_have_no_gateway(demo: Api) -> None:
    made = demo.subnet(demo.network()["id"], "10.0.0.0/29", gateway_ip=None)
    assert made["gateway_ip"] is None
    assert made["allocation_pools"] == [{"start": "10.0.0.1", "end": "10.0.0.6"}]


def test_ipv6(demo: Api) -> None:
    made = demo.subnet(demo.network()["id"], "2001:DB8:0::/64", ip_version=6)
    assert made["cidr"] == "2001:db8::/64"
    assert made["gateway_ip"] == "2001:db8::1"
    assert made["allocation_pools"] == [{"start": "2001:db8::2", "end": "2001:db8::ffff:ffff:ffff:ffff"}]


def test_subnets_of_a_network_do_not_overlap(demo: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/16")
    body = {"subnet": {"network_id": network_id, "cidr": "10.0.4.0/24"}}
    kind, message = demo.refused("POST", "/subnets", body, 400)
    assert kind == "InvalidInput"
    assert "10.0.4.0/24" in message
    assert "overlaps with another subnet" in message
    demo.subnet(network_id, "10.1.0.0/16")
    demo.subnet(network_id, "2001:db8::/64")
    demo.subnet(demo.network()["id"], "10.0.0.0/16")


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({"cidr": "10.0.0.0"}, 400),
        ({"cidr": "10.0.0.0/33"}, 400),
        ({"cidr": "10.0.0.0/255.255.255.0"}, 400),
        ({"cidr": "10.0.0.0/٢٤"}, 400),
        ({"cidr": "0.0.0.0/0"}, 400),
        ({"cidr": "10.0.0.0/31"}, 400),
        ({"cidr": "224.0.0.0/24"}, 400),
        ({"cidr": "127.0.0.0/8"}, 400),
        ({"cidr": "hello"}, 400),
        ({"cidr": 5}, 400),
        ({"cidr": None}, 400),
        ({"cidr": "10.0.0.0/24", "ip_version": 6}, 400),
        ({"cidr": "10.0.0.0/24", "ip_version": 5}, 400),
        ({"cidr": "10.0.0.0/24", "ip_version": "4"}, 400),
        ({"cidr": "10.0.0.0/24", "gateway_ip": "10.0.0.0"}, 400),
        ({"cidr": "10.0.0.0/24", "gateway_ip": "10.0.0.255"}, 400),
        ({"cidr": "10.0.0.0/24", "gateway_ip": "2001:db8::1"}, 400),
        ({"cidr": "10.0.0.0/24", "gateway_ip": "x"}, 400),
        ({"cidr": "10.0.0.0/24", "allocation_pools": [{"start": "10.0.0.1", "end": "10.0.0.9"}]}, 409),
        ({"cidr": "10.0.0.0/24", "allocation_pools": [{"start": "10.0.0.9", "end": "10.0.0.5"}]}, 400),
        ({"cidr": "10.0.0.0/24", "allocation_pools": [{"start": "10.0.0.9", "end": "10.0.1.5"}]}, 400),
        ({"cidr": "10.0.0.0/24", "allocation_pools": [{"start": "10.0.0.9", "end": "10.0.0.255"}]}, 400),
        ({"cidr": "10.0.0.0/24", "allocation_pools": [{"start": "10.0.0.9"}]}, 400),
        (
            {
                "cidr": "10.0.0.0/24",
                "allocation_pools": [
                    {"start": "10.0.0.5", "end": "10.0.0.9"},
                    {"start": "10.0.0.9", "end": "10.0.0.9"},
                ],
            },
            409,
        ),
        ({"cidr": "10.0.0.0/24", "dns_nameservers": ["nameserver"]}, 400),
        ({"cidr": "10.0.0.0/24", "dns_nameservers": ["1.1.1.1", "1.1.1.1"]}, 400),
        ({"cidr": "10.0.0.0/24", "host_routes": [{"destination": "10.1.0.0/24", "nexthop": "2001:db8::1"}]}, 400),
        ({"cidr": "10.0.0.0/24", "host_routes": [{"destination": "x", "nexthop": "10.0.0.1"}]}, 400),
        ({"cidr": "10.0.0.0/24", "ipv6_address_mode": "slaac"}, 400),
        ({"cidr": "2001:db8::/48", "ipv6_address_mode": "slaac"}, 400),
        ({"cidr": "2001:db8::/64", "ipv6_address_mode": "slaac", "ipv6_ra_mode": "dhcpv6-stateful"}, 400),
        ({"cidr": "2001:db8::/64", "ipv6_address_mode": "slaac", "enable_dhcp": False}, 400),
        ({"cidr": "2001:db8::/64", "ipv6_address_mode": "guess"}, 400),
        ({"cidr": "10.0.0.0/24", "subnetpool_id": "x"}, 400),
        ({"cidr": "10.0.0.0/24", "network_id": "x"}, 404),
        ({"cidr": "10.0.0.0/24", "network_id": 7}, 400),
    ],
)
def test_bad_subnets_are_refused(demo: Api, attributes: dict[str, Any], status: int) -> None:
    body = {"subnet": {"network_id": demo.network()["id"], **attributes}}
    kind, message = demo.refused("POST", "/subnets", body, status)
    assert kind
    assert message
    assert demo.get(f"/subnets?network_id={body['subnet']['network_id']}")["subnets"] == []


def test_a_subnet_without_dhcp_may_be_small(demo: Api) -> None:
    network_id, _ = demo.wired("10.0.0.0/31", enable_dhcp=False)
    assert addresses_of(demo.port(network_id)) == ["10.0.0.0"]


def test_routes_and_name_servers_are_kept(demo: Api) -> None:
    route = {"destination": "10.8.0.0/16", "nexthop": "10.0.0.9"}
    made = demo.subnet(demo.network()["id"], "10.0.0.0/24", host_routes=[route], dns_nameservers=["9.9.9.9", "8.8.8.8"])
    assert made["host_routes"] == [route]
    assert made["dns_nameservers"] == ["9.9.9.9", "8.8.8.8"]
    changed = demo.put(f"/subnets/{made['id']}", {"subnet": {"host_routes": [], "dns_nameservers": ["1.1.1.1"]}})
    assert changed["subnet"]["host_routes"] == []
    assert changed["subnet"]["dns_nameservers"] == ["1.1.1.1"]


def test_changed_pools_give_out_other_addresses(demo: Api) -> None:
    network_id, subnet_id = demo.wired("10.0.0.0/24")
    assert addresses_of(demo.port(network_id)) == ["10.0.0.2"]
    pools = [{"start": "10.0.0.100", "end": "10.0.0.100"}, {"start": "10.0.0.2", "end": "10.0.0.3"}]
    demo.put(f"/subnets/{subnet_id}", {"subnet": {"allocation_pools": pools}})
    assert addresses_of(demo.port(network_id)) == ["10.0.0.3"]
    assert addresses_of(demo.port(network_id)) == ["10.0.0.100"]
    demo.post("/ports", {"port": {"network_id": network_id}}, expect=409)
    gateway = {"subnet": {"gateway_ip": "10.0.0.2"}}
    assert demo.refused("PUT", f"/subnets/{subnet_id}", gateway, 409)[0] == "GatewayConflictWithAllocationPools"
    moved = demo.put(f"/subnets/{subnet_id}", {"subnet": {"gateway_ip": "10.0.0.200"}})["subnet"]
    assert moved["gateway_ip"] == "10.0.0.200"


def test_a_gateway_that_a_port_has_stays(demo: Api) -> None:
    network_id, subnet_id = demo.wired("10.0.0.0/24")
    demo.port(network_id, fixed_ips=[{"ip_address": "10.0.0.1"}])
    assert demo.refused("PUT", f"/subnets/{subnet_id}", {"subnet": {"gateway_ip": None}}, 409)[0] == "GatewayIpInUse"


def test_a_subnet_in_use_stays(demo: Api) -> None:
    network_id, subnet_id = demo.wired("10.0.0.0/24")
    port = demo.port(network_id)
    assert demo.refused("DELETE", f"/subnets/{subnet_id}", None, 409)[0] == "SubnetInUse"
    demo.delete(f"/ports/{port['id']}")
    demo.delete(f"/subnets/{subnet_id}")


def test_others_see_the_subnets_of_shared_networks_only(admin: Api, demo: Api) -> None:
    shared, hidden = admin.network(shared=True), admin.network()
    seen = admin.subnet(shared["id"], "10.0.0.0/24")
    unseen = admin.subnet(hidden["id"], "10.0.0.0/24")
    demo.get(f"/subnets/{seen['id']}")
    demo.get(f"/subnets/{unseen['id']}", expect=404)
    demo.post("/subnets", {"subnet": {"network_id": shared["id"], "cidr": "10.5.0.0/24"}}, expect=403)
    demo.post("/subnets", {"subnet": {"network_id": hidden["id"], "cidr": "10.5.0.0/24"}}, expect=404)
    demo.put(f"/subnets/{seen['id']}", {"subnet": {"name": "mine"}}, expect=403)
    demo.delete(f"/subnets/{seen['id']}", expect=403)
