"""Hypervisors, for administrators: one for each host of the fleet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.field_types import boolean_of
from engine.boot.api.fleet import Fleet, FleetView, node_name
from engine.boot.api.hypervisor_views import (
    SIZES_UNTIL,
    UUID_SINCE,
    brief_view,
    full_view,
    hypervisor_id,
    sizes_of,
    uptime_of,
)
from engine.boot.api.links import PREFIX, linked_page
from engine.boot.api.versioned import check_query, minor_of, only_between
from engine.boot.store.schema import instances
from engine.rest.errors import BadRequest, NotFound, RestError
from engine.rest.replies import json_reply
from engine.rest.request import access_of
from engine.v1.inventory_pb2 import Host

_PAGES_SINCE = 33
_EMPTY_SERVERS_SINCE = 75
_RULE = "os_compute_api:os-hypervisors"
_QUERY = ("limit", "marker", "hypervisor_hostname_pattern", "with_servers")
_SUMS = (
    "vcpus",
    "vcpus_used",
    "memory_mb",
    "memory_mb_used",
    "free_ram_mb",
    "local_gb",
    "local_gb_used",
    "free_disk_gb",
    "disk_available_least",
    "running_vms",
    "current_workload",
)

Servers = dict[str, list[dict[str, str]]]
"""The servers of hosts, by host."""


def _matching(fleet: Fleet, pattern: str) -> list[Host]:
    """Return the hosts whose hypervisor's name holds a text; raise NotFound without any."""
    found = [host for host in fleet.hosts if pattern.lower() in node_name(host).lower()]
    if not found:
        raise NotFound(f"No hypervisor matching '{pattern}' could be found.")
    return found


def _with_servers(request: Request) -> bool:
    text = request.query_params.get("with_servers")
    if text is None or minor_of(request) < UUID_SINCE:
        return False
    wanted = boolean_of(text)
    if not isinstance(wanted, bool):
        raise BadRequest(f"Invalid input for query parameters with_servers. Value: {text[:100]}. It must be a boolean.")
    return wanted


def routes(deps: Deps, fleet: FleetView | None = None) -> list[Route]:
    """Return the routes of hypervisors; ``fleet`` is the view that others show too."""
    view = fleet or FleetView(deps)

    async def servers_on(hosts: Iterable[Host]) -> Servers:
        names = [host.host_id for host in hosts]

        def read(connection: sa.Connection) -> Servers:
            found: Servers = {}
            query = (
                sa.select(instances.c.host, instances.c.uuid, instances.c.display_name)
                .where(instances.c.host.in_(names), instances.c.deleted.is_(False))
                .order_by(instances.c.number)
            )
            for host, uuid, name in connection.execute(query):
                found.setdefault(host, []).append({"uuid": uuid, "name": name})
            return found

        return await deps.store.read(read)

    def with_servers(request: Request, shown: dict[str, Any], host: Host, servers: Servers) -> dict[str, Any]:
        mine = servers.get(host.host_id, [])
        return shown | ({"servers": mine} if mine or minor_of(request) >= _EMPTY_SERVERS_SINCE else {})

    async def listing(request: Request, *, detail: bool) -> Response:
        access_of(request).require_admin(f"{_RULE}:{'list-detail' if detail else 'list'}")
        check_query(request, _QUERY)
        known = await view.look()
        minor = minor_of(request)
        pattern = request.query_params.get("hypervisor_hostname_pattern") if minor >= UUID_SINCE else None
        if pattern and {"limit", "marker"} & request.query_params.keys():
            raise BadRequest("Paging over hypervisors with the hypervisor_hostname_pattern is not supported.")
        hosts = _matching(known, pattern) if pattern else list(known.hosts)
        links: dict[str, Any] = {}
        if minor >= _PAGES_SINCE and not pattern:
            hosts, links = linked_page(request, hosts, lambda host: str(hypervisor_id(request, host)), "hypervisors")
        make = full_view if detail else brief_view
        shown = [make(request, known, host) for host in hosts]
        if _with_servers(request):
            servers = await servers_on(hosts)
            shown = [with_servers(request, item, host, servers) for item, host in zip(shown, hosts, strict=True)]
        return json_reply({"hypervisors": shown} | links)

    async def index(request: Request) -> Response:
        return await listing(request, detail=False)

    async def detail(request: Request) -> Response:
        return await listing(request, detail=True)

    async def found(request: Request) -> tuple[Fleet, Host]:
        """Return the fleet and the host that the path names; raise BadRequest or NotFound."""
        name = request.path_params["name"]
        if minor_of(request) >= UUID_SINCE:
            try:
                UUID(name)
            except ValueError as error:
                raise BadRequest(f"Invalid uuid {name}") from error
        known = await view.look()
        for host in known.hosts:
            if str(hypervisor_id(request, host)) == name:
                return known, host
        raise NotFound(f"Hypervisor with ID '{name}' could not be found.")

    async def show(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:show")
        check_query(request, ("with_servers",))
        known, host = await found(request)
        shown = full_view(request, known, host)
        if _with_servers(request):
            shown = with_servers(request, shown, host, await servers_on([host]))
        return json_reply({"hypervisor": shown})

    async def uptime(request: Request) -> Response:
        only_between(request, 1, SIZES_UNTIL)
        access_of(request).require_admin(f"{_RULE}:uptime")
        known, host = await found(request)
        if not known.is_up(host):
            raise BadRequest(f"Compute service of {host.host_id} is unavailable at this time.")
        told = uptime_of(host)
        if told is None:
            raise RestError(f"The agent of {host.host_id} does not tell its host's uptime.", status=501)
        return json_reply({"hypervisor": brief_view(request, known, host) | {"uptime": told}})

    async def statistics(request: Request) -> Response:
        only_between(request, 1, SIZES_UNTIL)
        access_of(request).require_admin(f"{_RULE}:statistics")
        sizes = [sizes_of(host) for host in (await view.look()).hosts if not host.service.disabled]
        sums = {name: sum(size[name] for size in sizes) for name in _SUMS}
        return json_reply({"hypervisor_statistics": {"count": len(sizes)} | sums})

    async def search(request: Request) -> Response:
        only_between(request, 1, UUID_SINCE - 1)
        access_of(request).require_admin(f"{_RULE}:search")
        known = await view.look()
        hosts = _matching(known, request.path_params["name"])
        return json_reply({"hypervisors": [brief_view(request, known, host) for host in hosts]})

    async def servers(request: Request) -> Response:
        only_between(request, 1, UUID_SINCE - 1)
        access_of(request).require_admin(f"{_RULE}:servers")
        known = await view.look()
        hosts = _matching(known, request.path_params["name"])
        there = await servers_on(hosts)
        shown = [with_servers(request, brief_view(request, known, host), host, there) for host in hosts]
        return json_reply({"hypervisors": shown})

    place = f"{PREFIX}/os-hypervisors"
    one = f"{place}/{{name}}"
    return [
        Route(place, index, methods=["GET"]),
        Route(f"{place}/detail", detail, methods=["GET"]),
        Route(f"{place}/statistics", statistics, methods=["GET"]),
        Route(one, show, methods=["GET"]),
        Route(f"{one}/uptime", uptime, methods=["GET"]),
        Route(f"{one}/search", search, methods=["GET"]),
        Route(f"{one}/servers", servers, methods=["GET"]),
    ]
