"""Networks: made, listed, shown, changed, and deleted when no port is left on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from sqlalchemy import ColumnElement, Connection, delete, false, or_, select, true, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.network import schema
from engine.cloud.network.collection import Collection, Document
from engine.cloud.network.creation import (
    Described,
    Name,
    Owned,
    bodies_of,
    body_of,
    changed_values,
    check_quota,
    standard_values,
)
from engine.cloud.network.deps import Deps
from engine.cloud.network.policy import (
    is_privileged,
    owner_project,
    require_owner,
    require_privileged,
    require_writer,
)
from engine.cloud.network.segments import segment_for
from engine.cloud.network.tags import tag_filters
from engine.rest.access import Access
from engine.rest.errors import Conflict
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of

_TABLE = schema.networks
_SHOWN_PORTS = 5
_ADMIN_ONLY = ("shared", "router_external", "network_type", "physical_network", "segmentation_id")
# clients send numbers from their command line as text
_Number = int | Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}$")]


class NewNetwork(Owned):
    """A network to be made."""

    admin_state_up: bool = True
    shared: bool = False
    router_external: bool = Field(default=False, alias="router:external")
    port_security_enabled: bool = True
    mtu: _Number | None = None
    availability_zone_hints: list[Name] = Field(default=[], max_length=20)
    network_type: str | None = Field(default=None, alias="provider:network_type", max_length=32)
    physical_network: str | None = Field(default=None, alias="provider:physical_network", max_length=64)
    segmentation_id: _Number | None = Field(default=None, alias="provider:segmentation_id")


class NetworkChange(Described):
    """What is to be changed of a network."""

    admin_state_up: bool = True
    shared: bool = False
    router_external: bool = Field(default=False, alias="router:external")
    port_security_enabled: bool = True
    mtu: _Number = 0


def _complete(connection: Connection, documents: Sequence[Document]) -> None:
    """Add the subnets, and what is the same of every network here."""
    ids = [document["id"] for document in documents]
    found: dict[str, list[str]] = {network_id: [] for network_id in ids}
    listed = select(schema.subnets.c.network_id, schema.subnets.c.id).where(schema.subnets.c.network_id.in_(ids))
    for network_id, subnet_id in connection.execute(listed.order_by(schema.OLDEST_FIRST)):
        found[network_id].append(subnet_id)
    for document in documents:
        document |= {
            "subnets": found[document["id"]],
            "status": "ACTIVE",
            "availability_zones": [],
            "ipv4_address_scope": None,
            "ipv6_address_scope": None,
            "provider:physical_network": document["provider:physical_network"] or None,
        }


def _status_is(wanted: Sequence[str]) -> ColumnElement[bool]:
    return true() if "ACTIVE" in wanted else false()


NETWORKS = Collection(
    plural="networks",
    table=_TABLE,
    columns={
        "id": _TABLE.c.id,
        "name": _TABLE.c.name,
        "project_id": _TABLE.c.project_id,
        "description": _TABLE.c.description,
        "admin_state_up": _TABLE.c.admin_state_up,
        "shared": _TABLE.c.shared,
        "router:external": _TABLE.c.router_external,
        "port_security_enabled": _TABLE.c.port_security_enabled,
        "mtu": _TABLE.c.mtu,
        "availability_zone_hints": _TABLE.c.availability_zone_hints,
        "provider:network_type": _TABLE.c.network_type,
        "provider:physical_network": _TABLE.c.physical_network,
        "provider:segmentation_id": _TABLE.c.segmentation_id,
        "tags": _TABLE.c.tags,
        "created_at": _TABLE.c.created_at,
        "updated_at": _TABLE.c.updated_at,
        "revision_number": _TABLE.c.revision_number,
    },
    kind="NetworkNotFound",
    missing="Network {} could not be found.",
    restricted=frozenset({"provider:network_type", "provider:physical_network", "provider:segmentation_id"}),
    complete=_complete,
    filters={"status": _status_is, **tag_filters(_TABLE)},
)


def visible_networks(access: Access) -> ColumnElement[bool] | None:
    """Return the condition for the networks a caller sees: its project's, shared and external ones; None: all."""
    if is_privileged(access):
        return None
    return or_(_TABLE.c.project_id == access.project_id, _TABLE.c.shared, _TABLE.c.router_external)


def routes(deps: Deps) -> list[Route]:
    """Return the routes of networks."""
    database = deps.database

    async def list_networks(request: Request) -> Response:
        access = access_of(request)
        return await NETWORKS.page(request, database, visible_networks(access), privileged=is_privileged(access))

    async def show_network(request: Request) -> Response:
        access = access_of(request)
        with database.read() as connection:
            found = NETWORKS.find(connection, request.path_params["id"], visible_networks(access))
        fields = request.query_params.getlist("fields")
        return json_reply({"network": NETWORKS.shown(found, is_privileged(access), fields)})

    async def create_networks(request: Request) -> Response:
        access = access_of(request)
        require_writer(access, "create_network")
        wanted, many = await bodies_of(request, "network", "networks", NewNetwork)
        with database.write() as connection:
            made = [_create(connection, access, one, deps) for one in wanted]
        shown = [NETWORKS.shown(document, is_privileged(access)) for document in made]
        return json_reply({"networks": shown} if many else {"network": shown[0]}, 201)

    async def update_network(request: Request) -> Response:
        access = access_of(request)
        change = await body_of(request, "network", NetworkChange)
        require_privileged(access, "update_network", change, ("shared", "router_external"))
        values = change.given()
        if "mtu" in values:
            values["mtu"] = _checked_mtu(int(values["mtu"]))
        with database.write() as connection:
            found = NETWORKS.find(connection, request.path_params["id"], visible_networks(access))
            require_owner(access, found["project_id"], "update_network")
            if found["shared"] and values.get("shared") is False:
                _check_unshared(connection, found)
            connection.execute(update(_TABLE).where(_TABLE.c.id == found["id"]).values(changed_values(_TABLE, values)))
            changed = NETWORKS.find(connection, found["id"], None)
        return json_reply({"network": NETWORKS.shown(changed, is_privileged(access))})

    async def delete_network(request: Request) -> Response:
        access = access_of(request)
        with database.write() as connection:
            found = NETWORKS.find(connection, request.path_params["id"], visible_networks(access))
            require_owner(access, found["project_id"], "delete_network")
            held = select(schema.ports.c.id).where(schema.ports.c.network_id == found["id"])
            if in_use := connection.execute(held.limit(_SHOWN_PORTS)).scalars().all():
                raise Conflict(
                    f"Unable to complete operation on network {found['id']}. There are one or more ports still in use "
                    f"on the network, id for these ports is: {','.join(in_use)}.",
                    kind="NetworkInUse",
                )
            connection.execute(delete(_TABLE).where(_TABLE.c.id == found["id"]))
        return empty_reply()

    return [
        Route("/v2.0/networks", list_networks, methods=["GET"]),
        Route("/v2.0/networks", create_networks, methods=["POST"]),
        Route("/v2.0/networks/{id}", show_network, methods=["GET"]),
        Route("/v2.0/networks/{id}", update_network, methods=["PUT"]),
        Route("/v2.0/networks/{id}", delete_network, methods=["DELETE"]),
    ]


def _create(connection: Connection, access: Access, wanted: NewNetwork, deps: Deps) -> Document:
    require_privileged(access, "create_network", wanted, _asked_of_admins(wanted))
    values: dict[str, Any] = standard_values(owner_project(access, wanted.project_id, wanted.tenant_id))
    check_quota(connection, "network", values["project_id"], deps.default_quotas)
    segment = segment_for(
        connection,
        wanted.network_type,
        wanted.physical_network,
        None if wanted.segmentation_id is None else int(wanted.segmentation_id),
    )
    values |= {
        "name": wanted.name,
        "description": wanted.description,
        "admin_state_up": wanted.admin_state_up,
        "shared": wanted.shared,
        "router_external": wanted.router_external,
        "port_security_enabled": wanted.port_security_enabled,
        "availability_zone_hints": wanted.availability_zone_hints,
        "mtu": _checked_mtu(int(wanted.mtu)) if wanted.mtu else segment.mtu,
        "network_type": segment.network_type,
        "physical_network": segment.physical_network,
        "segmentation_id": segment.segmentation_id,
    }
    connection.execute(_TABLE.insert().values(values))
    return NETWORKS.find(connection, values["id"], None)


def _asked_of_admins(wanted: NewNetwork) -> list[str]:
    """Return the attributes only administrators may set that are given as something else than their default."""
    defaults = NewNetwork()
    return [name for name in _ADMIN_ONLY if getattr(wanted, name) != getattr(defaults, name)]


def _checked_mtu(mtu: int) -> int:
    if not 68 <= mtu <= 65_535:
        raise Conflict(
            f"Invalid input for operation: Requested MTU {mtu} is not between 68 and 65535.",
            kind="InvalidInput",
            status=400,
        )
    return mtu


def _check_unshared(connection: Connection, network: Document) -> None:
    """Raise Conflict when other projects have ports or subnets on a network that is to be shared no more."""
    for table in (schema.ports, schema.subnets):
        foreign = select(table.c.id).where(
            table.c.network_id == network["id"], table.c.project_id != network["project_id"]
        )
        if connection.execute(foreign.limit(1)).first():
            raise Conflict(
                f"Unable to reconfigure sharing settings for network {network['name'] or network['id']}. Multiple "
                "tenants are using it.",
                kind="InvalidSharedSetting",
            )
