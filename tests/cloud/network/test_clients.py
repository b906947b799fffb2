"""Unmodified clients: openstacksdk and the openstack command."""

from __future__ import annotations

import io
import json
import uuid
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import openstack
import pytest
from openstackclient import shell

from tests.cloud.harness import PASSWORDS, Cloud


@pytest.fixture(scope="module")
def sdk(shared: Cloud) -> openstack.connection.Connection:
    return openstack.connection.Connection(
        session=shared.session("demo"), region_name="RegionOne", app_name="test", compute_api_version="2.1"
    )


@pytest.fixture
def command(shared: Cloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The openstack command, in this process: its start takes longer than all it is asked here."""
    settings = {
        "AUTH_URL": shared.options.identity_url,
        "USERNAME": "admin",
        "PASSWORD": PASSWORDS["admin"],
        "PROJECT_NAME": "admin",
        "USER_DOMAIN_NAME": "Default",
        "PROJECT_DOMAIN_NAME": "Default",
        "REGION_NAME": "RegionOne",
        "IDENTITY_API_VERSION": "3",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"OS_{name}", value)

    def run(*arguments: str, as_json: bool = True) -> Any:
        said, complained = io.StringIO(), io.StringIO()
        with redirect_stdout(said), redirect_stderr(complained):
            code = shell.main([*arguments, *(["-f", "json"] if as_json else [])])
        assert code == 0, complained.getvalue()
        return json.loads(said.getvalue()) if as_json else said.getvalue()

    return run


def test_the_sdk(sdk: openstack.connection.Connection) -> None:
    name = str(uuid.uuid4())
    network = sdk.network.create_network(name=name, mtu=1400)
    subnet = sdk.network.create_subnet(network_id=network.id, cidr="10.0.0.0/24", ip_version=4, name=name)
    assert sdk.network.find_network(name).id == network.id
    assert sdk.network.find_network("nobody") is None
    group = sdk.network.create_security_group(name=name)
    rule = sdk.network.create_security_group_rule(
        security_group_id=group.id,
        direction="ingress",
        ethertype="IPv4",
        protocol="tcp",
        port_range_min=80,
        port_range_max=80,
    )
    port = sdk.network.create_port(
        network_id=network.id, name=name, security_groups=[group.id], fixed_ips=[{"ip_address": "10.0.0.44"}]
    )
    assert [one.id for one in sdk.network.ports(network_id=network.id, fixed_ips="ip_address=10.0.0.44")] == [port.id]
    assert sdk.network.update_port(port, name="renamed").name == "renamed"
    sdk.network.set_tags(port, ["a", "b"])
    assert sdk.network.get_port(port.id).tags == ["a", "b"]
    assert len(list(sdk.network.networks(limit=1, is_shared=False))) >= 1
    assert sdk.network.get_quota(sdk.current_project_id).ports == -1
    assert sdk.network.get_quota(sdk.current_project_id, details=True).ports["used"] >= 1
    assert sdk.network.find_extension("security-group").alias == "security-group"
    sdk.network.delete_port(port)
    sdk.network.delete_security_group_rule(rule)
    sdk.network.delete_security_group(group)
    sdk.network.delete_subnet(subnet)
    sdk.network.delete_network(network)
    assert sdk.network.find_port("renamed") is None


def test_many_ports_by_the_sdk(sdk: openstack.connection.Connection) -> None:
    network = sdk.network.create_network(name="bulk")
    made = list(sdk.network.create_ports([{"network_id": network.id}] * 7))
    assert len(made) == 7
    assert {port.id for port in sdk.network.ports(network_id=network.id, limit=2)} == {port.id for port in made}


def test_the_sdk_is_told_why_not(sdk: openstack.connection.Connection) -> None:
    network = sdk.network.create_network(name="n")
    sdk.network.create_subnet(network_id=network.id, cidr="10.0.0.0/24", ip_version=4)
    with pytest.raises(openstack.exceptions.BadRequestException, match="overlaps with another subnet"):
        sdk.network.create_subnet(network_id=network.id, cidr="10.0.0.0/25", ip_version=4)
    with pytest.raises(openstack.exceptions.ForbiddenException):
        sdk.network.create_network(name="n", is_shared=True)


def test_the_command(command: Any) -> None:
    name = f"cli-{uuid.uuid4().hex[:8]}"
    network = command(
        "network",
        "create",
        name,
        "--share",
        "--mtu",
        "1400",
        "--provider-network-type",
        "vlan",
        "--provider-physical-network",
        name,
        "--provider-segment",
        "77",
        "--tag",
        "red",
    )
    assert (network["provider:segmentation_id"], network["mtu"], network["tags"]) == (77, 1400, ["red"])
    subnet = command(
        "subnet",
        "create",
        "--network",
        name,
        "--subnet-range",
        "10.7.0.0/24",
        "--gateway",
        "10.7.0.254",
        "--allocation-pool",
        "start=10.7.0.10,end=10.7.0.20",
        "--dns-nameserver",
        "9.9.9.9",
        f"{name}-s",
    )
    assert subnet["allocation_pools"] == [{"start": "10.7.0.10", "end": "10.7.0.20"}]
    command("security", "group", "create", f"{name}-g")
    rule = command(
        "security",
        "group",
        "rule",
        "create",
        "--protocol",
        "tcp",
        "--dst-port",
        "22",
        "--remote-ip",
        "0.0.0.0/0",
        f"{name}-g",
    )
    assert rule["port_range_min"] == 22
    port = command(
        "port",
        "create",
        "--network",
        name,
        "--fixed-ip",
        f"subnet={name}-s,ip-address=10.7.0.15",
        "--security-group",
        f"{name}-g",
        "--host",
        "h1",
        "--tag",
        "blue",
        f"{name}-p",
    )
    assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "10.7.0.15"}]
    assert (port["binding_host_id"], port["binding_vif_type"], port["tags"]) == ("h1", "ovs", ["blue"])
    command("port", "set", "--name", f"{name}-q", "--disable", f"{name}-p", as_json=False)
    assert command("port", "show", f"{name}-q")["admin_state_up"] is False
    assert [one["ID"] for one in command("port", "list", "--network", name)] == [port["id"]]
    command("subnet", "set", "--no-dhcp", f"{name}-s", as_json=False)
    command("network", "set", "--no-share", name, as_json=False)
    assert name in {one["Name"] for one in command("network", "list")}
    assert command("security", "group", "show", f"{name}-g")["rules"]
    command("quota", "set", "--ports", "321", "admin", as_json=False)
    assert {"Resource": "ports", "Limit": 321}.items() <= next(
        one for one in command("quota", "show", "--network", "admin") if one["Resource"] == "ports"
    ).items()
    command("quota", "delete", "--network", "admin", as_json=False)
    command("network", "agent", "list")
    command("extension", "list", "--network")
    command("availability", "zone", "list", "--network")
    for kind, thing in (
        ("port", f"{name}-q"),
        ("security group", f"{name}-g"),
        ("subnet", f"{name}-s"),
        ("network", name),
    ):
        command(*kind.split(), "delete", thing, as_json=False)
    assert name not in {one["Name"] for one in command("network", "list")}
