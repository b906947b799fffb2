"""Ports: made with their addresses, listed, shown, changed, bound, and deleted with all that they hold."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.network.creation import bodies_of, body_of
from engine.cloud.network.deps import Deps
from engine.cloud.network.policy import is_privileged, require_owner, require_writer
from engine.cloud.network.port_bodies import NewPort, PortChange
from engine.cloud.network.port_collection import PORTS, visible_ports
from engine.cloud.network.port_lifecycle import change_port, create_port, remove_port, waits_for_agent
from engine.cloud.network.revision import check_revision
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of


def routes(deps: Deps) -> list[Route]:
    """Return the routes of ports."""
    database = deps.database

    async def list_ports(request: Request) -> Response:
        access = access_of(request)
        return await PORTS.page(request, database, visible_ports(access), privileged=is_privileged(access))

    async def show_port(request: Request) -> Response:
        access = access_of(request)
        with database.read() as connection:
            found = PORTS.find(connection, request.path_params["id"], visible_ports(access))
        fields = request.query_params.getlist("fields")
        return json_reply({"port": PORTS.shown(found, is_privileged(access), fields)})

    async def create_ports(request: Request) -> Response:
        access = access_of(request)
        require_writer(access, "create_port")
        wanted, many = await bodies_of(request, "port", "ports", NewPort)
        with database.write() as connection:
            made = [create_port(connection, access, one, deps) for one in wanted]
        for port in made:
            if waits_for_agent(port):
                await deps.agent.take(port["id"], port["binding:host_id"])
        shown = [PORTS.shown(port, is_privileged(access)) for port in made]
        return json_reply({"ports": shown} if many else {"port": shown[0]}, 201)

    async def update_port(request: Request) -> Response:
        access = access_of(request)
        change = await body_of(request, "port", PortChange)
        with database.write() as connection:
            found = PORTS.find(connection, request.path_params["id"], visible_ports(access))
            require_owner(access, found["project_id"], "update_port")
            check_revision(request, found["revision_number"])
            changed, to_plug = change_port(connection, access, found, change, deps)
        if to_plug:
            await deps.agent.take(changed["id"], changed["binding:host_id"])
        return json_reply({"port": PORTS.shown(changed, is_privileged(access))})

    async def delete_port(request: Request) -> Response:
        access = access_of(request)
        with database.write() as connection:
            found = PORTS.find(connection, request.path_params["id"], visible_ports(access))
            require_owner(access, found["project_id"], "delete_port")
            remove_port(connection, found)
        return empty_reply()

    return [
        Route("/v2.0/ports", list_ports, methods=["GET"]),
        Route("/v2.0/ports", create_ports, methods=["POST"]),
        Route("/v2.0/ports/{id}", show_port, methods=["GET"]),
        Route("/v2.0/ports/{id}", update_port, methods=["PUT"]),
        Route("/v2.0/ports/{id}", delete_port, methods=["DELETE"]),
    ]
