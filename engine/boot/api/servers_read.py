"""``GET /servers``, ``/servers/detail`` and ``/servers/{server}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.host_status import HostStatuses
from engine.boot.api.links import PREFIX
from engine.boot.api.lookup import server_in, server_name
from engine.boot.api.server_filters import query_of
from engine.boot.api.server_query import faults_of, page_of_servers
from engine.boot.api.server_view import Shown, brief, detailed
from engine.boot.states import VmState
from engine.boot.store.instances import InstanceRow, devices_of_many
from engine.rest.access import Access
from engine.rest.paging import limit_of, next_link
from engine.rest.replies import json_reply
from engine.rest.request import access_of


def routes(deps: Deps) -> list[Route]:
    """Return the routes on which servers are read."""
    statuses = HostStatuses(deps)

    async def page(request: Request, *, full: bool) -> tuple[list[Shown], dict[str, Any]]:
        """Return a page of servers, and the link to the next where there is one."""
        query, limit = query_of(request), limit_of(request)
        marker = request.query_params.get("marker", "")

        def find(connection: sa.Connection) -> list[Shown]:
            rows = page_of_servers(connection, query, marker=marker, limit=limit + 1)
            return _shown(connection, rows) if full else [Shown(row) for row in rows]

        found = await deps.store.read(find)
        if len(found) <= limit:
            return found, {}
        last = found[limit - 1].row.uuid if limit else marker
        return found[:limit], {"servers_links": [{"rel": "next", "href": next_link(request, last)}]} if limit else {}

    async def with_statuses(access: Access, found: Sequence[Shown]) -> list[Shown]:
        """Return the same, for administrators with their hosts' statuses."""
        if not access.is_admin:
            return list(found)
        known = await statuses.of(shown.row.host for shown in found)
        return [Shown(shown.row, shown.devices, shown.fault, known.get(shown.row.host, "")) for shown in found]

    async def index(request: Request) -> Response:
        """List servers briefly."""
        found, link = await page(request, full=False)
        return json_reply({"servers": [brief(request, shown.row) for shown in found]} | link)

    async def detail(request: Request) -> Response:
        """List servers with all there is."""
        found, link = await page(request, full=True)
        shown = await with_statuses(access_of(request), found)
        return json_reply({"servers": [detailed(request, one, one=False) for one in shown]} | link)

    async def show(request: Request) -> Response:
        """Return one server."""
        access, name = access_of(request), server_name(request)
        found = await deps.store.look_up(lambda connection: _shown(connection, [server_in(connection, access, name)]))
        shown = (await with_statuses(access, found))[0]
        return json_reply({"server": detailed(request, shown, one=True)})

    return [
        Route(f"{PREFIX}/servers", index, methods=["GET"]),
        Route(f"{PREFIX}/servers/detail", detail, methods=["GET"]),
        Route(f"{PREFIX}/servers/{{server}}", show, methods=["GET"]),
    ]


def shown_of(connection: sa.Connection, row: InstanceRow) -> Shown:
    """Return a record with what its view needs."""
    return _shown(connection, [row])[0]


def _shown(connection: sa.Connection, rows: Sequence[InstanceRow]) -> list[Shown]:
    uuids = [row.uuid for row in rows]
    devices = devices_of_many(connection, uuids) if uuids else {}
    failed = [row.uuid for row in rows if row.vm_state in (VmState.ERROR, VmState.DELETED)]
    faults = faults_of(connection, failed) if failed else {}
    return [Shown(row, devices.get(row.uuid, ()), faults.get(row.uuid)) for row in rows]
