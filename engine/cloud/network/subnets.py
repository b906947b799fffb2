"""Subnets: made, listed, shown, changed, and deleted when no port holds an address of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from sqlalchemy import ColumnElement, Connection, delete, or_, select, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.network import subnet_rules as rules
from engine.cloud.network.allocation import as_ranges, is_used, lay_out, subnet_of
from engine.cloud.network.collection import Collection, Document
from engine.cloud.network.creation import (
    Attributes,
    Described,
    Owned,
    bodies_of,
    body_of,
    changed_values,
    check_quota,
    standard_values,
)
from engine.cloud.network.deps import Deps
from engine.cloud.network.networks import NETWORKS, visible_networks
from engine.cloud.network.policy import is_privileged, not_allowed, owner_project, require_owner, require_writer
from engine.cloud.network.ranges import Cidr, default_pools
from engine.cloud.network.schema import addresses, networks, ports, subnets
from engine.cloud.network.tags import tag_filters
from engine.rest.access import Access
from engine.rest.errors import Conflict
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of

_Ip = Annotated[str, StringConstraints(max_length=64)]
_Mode = Literal["slaac", "dhcpv6-stateful", "dhcpv6-stateless"]


class Pool(Attributes):
    """A range of addresses to be given out."""

    start: _Ip
    end: _Ip


class HostRoute(Attributes):
    """A route that instances are told of."""

    destination: _Ip
    nexthop: _Ip


class NewSubnet(Owned):
    """A subnet to be made; ``gateway_ip`` null: without a gateway, absent: the first address."""

    network_id: str = Field(max_length=64)
    cidr: _Ip
    ip_version: Literal[4, 6] | None = None
    gateway_ip: _Ip | None = None
    allocation_pools: list[Pool] | None = None
    dns_nameservers: list[_Ip] | None = Field(default=None, max_length=20)
    host_routes: list[HostRoute] | None = Field(default=None, max_length=20)
    enable_dhcp: bool = True
    ipv6_ra_mode: _Mode | None = None
    ipv6_address_mode: _Mode | None = None


class SubnetChange(Described):
    """What is to be changed of a subnet."""

    gateway_ip: _Ip | None = None
    allocation_pools: list[Pool] = Field(default=[])
    dns_nameservers: list[_Ip] = Field(default=[], max_length=20)
    host_routes: list[HostRoute] = Field(default=[], max_length=20)
    enable_dhcp: bool = True


def _complete(_: Connection, documents: Sequence[Document]) -> None:
    for document in documents:
        document |= {"subnetpool_id": None, "service_types": [], "segment_id": None}


SUBNETS = Collection(
    plural="subnets",
    table=subnets,
    columns={
        name: subnets.c[name]
        for name in (
            "id",
            "name",
            "project_id",
            "network_id",
            "description",
            "ip_version",
            "cidr",
            "gateway_ip",
            "enable_dhcp",
            "ipv6_ra_mode",
            "ipv6_address_mode",
            "allocation_pools",
            "dns_nameservers",
            "host_routes",
            "tags",
            "created_at",
            "updated_at",
            "revision_number",
        )
    },
    kind="SubnetNotFound",
    missing="Subnet {} could not be found.",
    complete=_complete,
    filters=tag_filters(subnets),
)


def visible_subnets(access: Access) -> ColumnElement[bool] | None:
    """Return the condition for the subnets a caller sees: its project's, and those of networks open to all."""
    if is_privileged(access):
        return None
    open_to_all = select(networks.c.id).where(or_(networks.c.shared, networks.c.router_external))
    return or_(subnets.c.project_id == access.project_id, subnets.c.network_id.in_(open_to_all))


def routes(deps: Deps) -> list[Route]:
    """Return the routes of subnets."""
    database = deps.database

    async def list_subnets(request: Request) -> Response:
        access = access_of(request)
        return await SUBNETS.page(request, database, visible_subnets(access), privileged=is_privileged(access))

    async def show_subnet(request: Request) -> Response:
        access = access_of(request)
        with database.read() as connection:
            found = SUBNETS.find(connection, request.path_params["id"], visible_subnets(access))
        fields = request.query_params.getlist("fields")
        return json_reply({"subnet": SUBNETS.shown(found, is_privileged(access), fields)})

    async def create_subnets(request: Request) -> Response:
        access = access_of(request)
        require_writer(access, "create_subnet")
        wanted, many = await bodies_of(request, "subnet", "subnets", NewSubnet)
        with database.write() as connection:
            made = [_create(connection, access, one, deps) for one in wanted]
        return json_reply({"subnets": made} if many else {"subnet": made[0]}, 201)

    async def update_subnet(request: Request) -> Response:
        access = access_of(request)
        change = await body_of(request, "subnet", SubnetChange)
        with database.write() as connection:
            found = SUBNETS.find(connection, request.path_params["id"], visible_subnets(access))
            require_owner(access, found["project_id"], "update_subnet")
            values = _changes(connection, found, change)
            connection.execute(
                update(subnets).where(subnets.c.id == found["id"]).values(changed_values(subnets, values))
            )
            if "allocation_pools" in values:
                lay_out(connection, subnet_of(connection, found["id"]))
            changed = SUBNETS.find(connection, found["id"], None)
        return json_reply({"subnet": changed})

    async def delete_subnet(request: Request) -> Response:
        access = access_of(request)
        with database.write() as connection:
            found = SUBNETS.find(connection, request.path_params["id"], visible_subnets(access))
            require_owner(access, found["project_id"], "delete_subnet")
            if is_used(connection, found["id"]):
                raise Conflict(
                    f"Unable to complete operation on subnet {found['id']}: One or more ports have an IP allocation "
                    "from this subnet.",
                    kind="SubnetInUse",
                )
            connection.execute(delete(subnets).where(subnets.c.id == found["id"]))
        return empty_reply()

    return [
        Route("/v2.0/subnets", list_subnets, methods=["GET"]),
        Route("/v2.0/subnets", create_subnets, methods=["POST"]),
        Route("/v2.0/subnets/{id}", show_subnet, methods=["GET"]),
        Route("/v2.0/subnets/{id}", update_subnet, methods=["PUT"]),
        Route("/v2.0/subnets/{id}", delete_subnet, methods=["DELETE"]),
    ]


def _create(connection: Connection, access: Access, wanted: NewSubnet, deps: Deps) -> Document:
    network = NETWORKS.find(connection, wanted.network_id, visible_networks(access))
    if not is_privileged(access) and network["project_id"] != access.project_id:
        raise not_allowed("create_subnet")
    cidr = rules.parsed_cidr(wanted.cidr)
    if wanted.ip_version not in (None, cidr.version):
        raise rules.invalid(f"cidr '{cidr}' does not match the ip_version '{wanted.ip_version}'")
    rules.check_cidr(cidr, enable_dhcp=wanted.enable_dhcp)
    rules.check_ipv6_modes(cidr, wanted.ipv6_ra_mode, wanted.ipv6_address_mode, enable_dhcp=wanted.enable_dhcp)
    values: dict[str, Any] = standard_values(owner_project(access, wanted.project_id, wanted.tenant_id))
    check_quota(connection, "subnet", values["project_id"], deps.default_quotas)
    others = connection.execute(select(subnets.c.cidr).where(subnets.c.network_id == network["id"])).scalars()
    rules.check_overlap(cidr, others, network["id"])
    if "gateway_ip" in wanted.model_fields_set:
        gateway = None if wanted.gateway_ip is None else rules.parsed_ip(wanted.gateway_ip, "gateway_ip")
    else:
        gateway = rules.default_gateway(cidr)
    if gateway is not None:
        rules.check_gateway(cidr, gateway)
    if wanted.allocation_pools is None:
        pools = default_pools(cidr, gateway)
    else:
        pools = rules.checked_pools(cidr, [(pool.start, pool.end) for pool in wanted.allocation_pools])
        rules.check_gateway_is_outside(gateway, pools, cidr.version)
    values |= {
        "name": wanted.name,
        "description": wanted.description,
        "network_id": network["id"],
        "ip_version": cidr.version,
        "cidr": str(cidr),
        "gateway_ip": None if gateway is None else str(gateway),
        "enable_dhcp": wanted.enable_dhcp,
        "ipv6_ra_mode": wanted.ipv6_ra_mode,
        "ipv6_address_mode": wanted.ipv6_address_mode,
        "allocation_pools": rules.as_written(pools, cidr.version),
        "dns_nameservers": rules.checked_nameservers(wanted.dns_nameservers or ()),
        "host_routes": rules.checked_routes(_pairs(wanted.host_routes or ()), cidr.version),
    }
    connection.execute(subnets.insert().values(values))
    lay_out(connection, subnet_of(connection, values["id"]))
    return SUBNETS.find(connection, values["id"], None)


def _changes(connection: Connection, found: Document, change: SubnetChange) -> dict[str, Any]:
    """Return the columns that a change sets; raise what is wrong with it."""
    values = change.given()
    cidr = ipaddress.ip_network(found["cidr"])
    pools = as_ranges(found["allocation_pools"])
    if "allocation_pools" in values:
        pools = rules.checked_pools(cidr, [(pool.start, pool.end) for pool in change.allocation_pools])
        values["allocation_pools"] = rules.as_written(pools, cidr.version)
    if "gateway_ip" in values and values["gateway_ip"] != found["gateway_ip"]:
        _check_gateway_is_unused(connection, found)
    gateway_text = values.get("gateway_ip", found["gateway_ip"])
    gateway = None if gateway_text is None else rules.parsed_ip(gateway_text, "gateway_ip")
    if gateway is not None and "gateway_ip" in values:
        rules.check_gateway(cidr, gateway)
        values["gateway_ip"] = str(gateway)
    if {"gateway_ip", "allocation_pools"} & set(values):
        rules.check_gateway_is_outside(gateway, pools, cidr.version)
    if "enable_dhcp" in values:
        _check_dhcp(cidr, found, enable_dhcp=values["enable_dhcp"])
    if "dns_nameservers" in values:
        values["dns_nameservers"] = rules.checked_nameservers(change.dns_nameservers)
    if "host_routes" in values:
        values["host_routes"] = rules.checked_routes(_pairs(change.host_routes), cidr.version)
    return values


def _check_dhcp(cidr: Cidr, found: Document, *, enable_dhcp: bool) -> None:
    rules.check_cidr(cidr, enable_dhcp=enable_dhcp)
    rules.check_ipv6_modes(cidr, found["ipv6_ra_mode"], found["ipv6_address_mode"], enable_dhcp=enable_dhcp)


def _check_gateway_is_unused(connection: Connection, found: Document) -> None:
    """Raise Conflict when a port is the gateway that is to be another."""
    if found["gateway_ip"] is None:
        return
    held = ipaddress.ip_address(found["gateway_ip"]).packed
    query = select(ports.c.id).join(addresses, addresses.c.port_id == ports.c.id)
    holder = connection.execute(query.where(addresses.c.subnet_id == found["id"], addresses.c.address == held)).scalar()
    if holder is not None:
        raise Conflict(
            f"Current gateway ip {found['gateway_ip']} already in use by port {holder}. Unable to update.",
            kind="GatewayIpInUse",
        )


def _pairs(given: Sequence[HostRoute]) -> list[tuple[str, str]]:
    return [(route.destination, route.nexthop) for route in given]
