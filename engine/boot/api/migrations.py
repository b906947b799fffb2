"""Migrations: there are none, since instances stay on the host that they were built on."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.links import PREFIX
from engine.rest.replies import json_reply
from engine.rest.request import access_of


def routes(deps: Deps) -> list[Route]:
    """Return the route of the list of migrations."""

    async def index(request: Request) -> Response:
        access_of(request).require_admin("os_compute_api:os-migrations:index")
        return json_reply({"migrations": []})

    return [Route(f"{PREFIX}/os-migrations", index, methods=["GET"])]
