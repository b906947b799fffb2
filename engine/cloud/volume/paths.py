"""Paths with and without the project: older clients put its id after ``/v3``, newer ones leave it out."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.rest.errors import BadRequest
from engine.rest.request import access_of


def both_forms(routes: Sequence[Route]) -> list[Route]:
    """Return the routes under ``/v3`` and the same under ``/v3/{project_id}``, which must be the caller's."""
    return [*routes, *(_with_project(route) for route in routes)]


def _with_project(route: Route) -> Route:
    handle = route.endpoint

    async def checked(request: Request) -> Response:
        """Answer when the path's project is the token's."""
        if request.path_params["url_project"] != access_of(request).project_id:
            raise BadRequest("Malformed request url")
        response: Response = await handle(request)
        return response

    path = "/v3/{url_project}" + route.path.removeprefix("/v3")
    return Route(path, checked, methods=sorted(route.methods or ()))
