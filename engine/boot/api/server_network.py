"""A server's addresses, interfaces and security groups."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.callers import caller_of
from engine.boot.api.cloud_errors import worded
from engine.boot.api.deps import Deps
from engine.boot.api.links import PREFIX
from engine.boot.api.lookup import server_of
from engine.boot.api.server_view import addresses_of
from engine.boot.api.versioned import minor_of
from engine.boot.openstack import CloudNotFound
from engine.rest.errors import NotFound, RestError
from engine.rest.replies import json_reply

_TAG_SINCE = 70


def routes(deps: Deps) -> list[Route]:
    """Return the routes of what a server has of networks."""
    server = f"{PREFIX}/servers/{{server}}"

    async def ports_of(request: Request, uuid: str) -> list[dict[str, Any]]:
        """Return the server's ports, as the network service shows them to the caller."""
        with worded(CloudNotFound, NotFound(f"Instance {uuid} has no ports.")):
            return await deps.clouds.networks.list_ports(caller_of(request), device_id=uuid)

    async def addresses(request: Request) -> Response:
        """Return the server's addresses by network."""
        found = addresses_of(await server_of(deps, request))
        return json_reply({"addresses": {name: _plain(listed) for name, listed in found.items()}})

    async def network_addresses(request: Request) -> Response:
        """Return the server's addresses on one network, by its name."""
        name = request.path_params["network"]
        found = addresses_of(await server_of(deps, request))
        if name not in found:
            raise NotFound("Network label not found")
        return json_reply({name: _plain(found[name])})

    async def interfaces(request: Request) -> Response:
        """List the server's interfaces."""
        row = await server_of(deps, request)
        ports = await ports_of(request, row.uuid)
        return json_reply({"interfaceAttachments": [_interface(request, row.interfaces, port) for port in ports]})

    async def interface(request: Request) -> Response:
        """Return one of the server's interfaces, by its port."""
        row, port_id = await server_of(deps, request), request.path_params["port"]
        for port in await ports_of(request, row.uuid):
            if port["id"] == port_id:
                return json_reply({"interfaceAttachment": _interface(request, row.interfaces, port)})
        raise NotFound(f"Port {port_id[:64]} of instance {row.uuid} could not be found.")

    async def security_groups(request: Request) -> Response:
        """List the security groups of the server's ports."""
        row = await server_of(deps, request)
        wanted = {group for port in await ports_of(request, row.uuid) for group in port.get("security_groups", ())}
        groups: list[dict[str, Any]] = []
        if wanted:
            with worded(CloudNotFound, NotFound("Security groups could not be found.")):
                groups = await deps.clouds.networks.list_security_groups(caller_of(request), id=sorted(wanted))
        listed = [
            {
                "id": group["id"],
                "name": group.get("name", ""),
                "description": group.get("description", ""),
                "tenant_id": group.get("project_id", group.get("tenant_id", "")),
                "rules": [],
            }
            for group in groups
            if group["id"] in wanted
        ]
        return json_reply({"security_groups": listed})

    async def unsupported(request: Request) -> Response:
        """Refuse to change interfaces of a server that is there."""
        await server_of(deps, request)
        raise RestError("This cloud does not attach or detach interfaces of existing servers.", status=501)

    return [
        Route(f"{server}/ips", addresses, methods=["GET"]),
        Route(f"{server}/ips/{{network}}", network_addresses, methods=["GET"]),
        Route(f"{server}/os-interface", interfaces, methods=["GET"]),
        Route(f"{server}/os-interface", unsupported, methods=["POST"]),
        Route(f"{server}/os-interface/{{port}}", interface, methods=["GET"]),
        Route(f"{server}/os-interface/{{port}}", unsupported, methods=["DELETE"]),
        Route(f"{server}/os-security-groups", security_groups, methods=["GET"]),
    ]


def _plain(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"version": entry["version"], "addr": entry["addr"]} for entry in listed]


def _interface(request: Request, known: list[dict[str, Any]], port: dict[str, Any]) -> dict[str, Any]:
    view = {
        "port_id": port["id"],
        "net_id": port.get("network_id"),
        "mac_addr": port.get("mac_address"),
        "port_state": port.get("status"),
        "fixed_ips": port.get("fixed_ips", []),
    }
    if minor_of(request) >= _TAG_SINCE:
        tags = {interface["port_id"]: interface.get("tag") for interface in known}
        view["tag"] = tags.get(port["id"]) or None
    return view
