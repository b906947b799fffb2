"""What the service says of itself: its versions, its extensions, its zones (none) and its agents."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.network.policy import is_privileged, not_allowed
from engine.cloud.network.schema import ports
from engine.rest.errors import NotFound
from engine.rest.replies import json_reply
from engine.rest.request import access_of, base_url

OPEN_PATHS = frozenset({"/"})
_AGENT_IDS = uuid.UUID("6f0d6a5e-6a0b-5b53-9d8e-0f8f2b1f6c11")
_UPDATED = "2026-11-22T00:00:00-00:00"
_EXTENSIONS = {
    "agent": ("agent", "The agents of the hosts that ports are bound to"),
    "allowed-address-pairs": ("Allowed Address Pairs", "Further addresses that a port may send from"),
    "availability_zone": ("Availability Zone", "Availability zones: there are none"),
    "binding": ("Port Binding", "The binding of ports to hosts"),
    "empty-string-filtering": ("Empty String Filtering Extension", "Filters by attributes that are empty"),
    "external-net": ("Neutron external network", "Networks that lead outside"),
    "extra_dhcp_opt": ("Neutron Extra DHCP options", "Further options that DHCP hands to a port"),
    "net-mtu": ("Network MTU", "The MTU of a network"),
    "net-mtu-writable": ("Network MTU (writable)", "The MTU of a network can be set"),
    "network_availability_zone": ("Network Availability Zone", "Hints at zones, kept with a network"),
    "pagination": ("Pagination support", "Lists in pages"),
    "port-security": ("Port Security", "Port security can be switched off"),
    "project-id": ("project_id field enabled", "Projects by project_id"),
    "provider": ("Provider Network", "The segment of a network"),
    "quota_details": ("Quota details management support", "What a project uses of its quotas"),
    "quotas": ("Quota management support", "How much a project may have"),
    "revision-if-match": (
        "If-Match constraints based on revision_number",
        "Changes of ports that hold only for the revision the caller has seen",
    ),
    "security-group": ("security-group", "Security groups and their rules"),
    "sorting": ("Sorting support", "Lists in an order asked for"),
    "standard-attr-description": ("standard-attr-description", "Descriptions"),
    "standard-attr-revisions": ("Resource revision numbers", "Revision numbers"),
    "standard-attr-tag": (
        "Tag support for resources with standard attribute: port, subnet, network, security_group",
        "Tags",
    ),
    "standard-attr-timestamp": ("Resource timestamps", "Times of creation and change"),
    "stateful-security-group": ("Stateful security group", "Whether a security group keeps state"),
}
"""By alias, the name that clients look for and what it is here."""


def routes(database: Database) -> list[Route]:
    """Return the routes."""

    async def versions(request: Request) -> Response:
        link = {"rel": "self", "href": f"{base_url(request)}/v2.0/"}
        return json_reply({"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})

    async def list_extensions(request: Request) -> Response:
        return json_reply({"extensions": [_extension(alias) for alias in _EXTENSIONS]})

    async def show_extension(request: Request) -> Response:
        alias = request.path_params["alias"]
        if alias not in _EXTENSIONS:
            raise NotFound(f"Extension with alias {alias[:100]} does not exist")
        return json_reply({"extension": _extension(alias)})

    async def list_zones(request: Request) -> Response:
        return json_reply({"availability_zones": []})

    async def list_agents(request: Request) -> Response:
        if not is_privileged(access_of(request)):
            raise not_allowed("get_agent")
        query = select(ports.c.host_id).where(ports.c.host_id != "").distinct().order_by(ports.c.host_id)
        with database.read() as connection:
            hosts = connection.execute(query).scalars().all()
        agents = [_agent(host) for host in hosts]
        for name in ("host", "agent_type", "binary", "id"):
            if wanted := request.query_params.getlist(name):
                agents = [agent for agent in agents if agent[name] in wanted]
        return json_reply({"agents": agents})

    return [
        Route("/", versions, methods=["GET"]),
        Route("/v2.0/extensions", list_extensions, methods=["GET"]),
        Route("/v2.0/extensions/{alias}", show_extension, methods=["GET"]),
        Route("/v2.0/availability_zones", list_zones, methods=["GET"]),
        Route("/v2.0/agents", list_agents, methods=["GET"]),
    ]


def _extension(alias: str) -> dict[str, object]:
    name, said = _EXTENSIONS[alias]
    return {"alias": alias, "name": name, "description": said, "updated": _UPDATED, "links": []}


def _agent(host: str) -> dict[str, object]:
    """Return the embedded agent as it serves one host."""
    return {
        "id": str(uuid.uuid5(_AGENT_IDS, host)),
        "host": host,
        "agent_type": "Open vSwitch agent",
        "binary": "neutron-openvswitch-agent",
        "topic": "N/A",
        "admin_state_up": True,
        "alive": True,
        "availability_zone": None,
        "configurations": {},
    }
