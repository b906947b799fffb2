"""The documents of the API's versions, which clients read without a token."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.links import PREFIX
from engine.rest.errors import NotFound
from engine.rest.microversion import Microversion, MicroversionRange
from engine.rest.replies import json_reply
from engine.rest.request import base_url

MICROVERSIONS = MicroversionRange(
    "compute", Microversion(2, 1), Microversion(2, 96), legacy_header="X-OpenStack-Nova-API-Version"
)
"""What this API speaks."""

OPEN_PATHS = frozenset({"/", PREFIX, f"{PREFIX}/"})
"""The paths that need no token."""

_UPDATED = "2013-07-23T11:33:21Z"
_EXTENSIONS = (
    "os-aggregates",
    "os-availability-zone",
    "os-flavor-access",
    "os-flavor-extra-specs",
    "os-flavor-manage",
    "os-hypervisors",
    "os-instance-actions",
    "os-keypairs",
    "os-migrations",
    "os-quota-class-sets",
    "os-quota-sets",
    "os-server-external-events",
    "os-server-groups",
    "os-services",
    "os-simple-tenant-usage",
    "os-volumes",
)
"""Under these names older clients look for what is part of the API since 2.1."""


def _version(request: Request) -> dict[str, Any]:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": str(MICROVERSIONS.maximum),
        "min_version": str(MICROVERSIONS.minimum),
        "updated": _UPDATED,
        "links": [{"rel": "self", "href": f"{base_url(request)}{PREFIX}/"}],
    }


def _extension(alias: str) -> dict[str, Any]:
    name = "".join(part.capitalize() for part in alias.removeprefix("os-").split("-"))
    return {"alias": alias, "name": name, "description": "", "namespace": "", "updated": _UPDATED, "links": []}


def routes(deps: Deps) -> list[Route]:
    """Return the routes of the version documents, and of the closed list of extensions."""

    async def versions(request: Request) -> Response:
        return json_reply({"versions": [_version(request)]})

    async def version(request: Request) -> Response:
        media = {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}
        return json_reply({"version": _version(request) | {"media-types": [media]}})

    async def extensions(request: Request) -> Response:
        return json_reply({"extensions": [_extension(alias) for alias in _EXTENSIONS]})

    async def extension(request: Request) -> Response:
        alias = request.path_params["alias"]
        if alias not in _EXTENSIONS:
            raise NotFound(f"No extension is called {alias}.")
        return json_reply({"extension": _extension(alias)})

    return [
        Route("/", versions, methods=["GET"]),
        Route(PREFIX, version, methods=["GET"]),
        Route(f"{PREFIX}/", version, methods=["GET"]),
        Route(f"{PREFIX}/extensions", extensions, methods=["GET"]),
        Route(f"{PREFIX}/extensions/{{alias}}", extension, methods=["GET"]),
    ]
