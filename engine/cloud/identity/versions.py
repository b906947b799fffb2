"""The version documents, by which clients find out that this is keystone v3."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.rest.replies import json_reply
from engine.rest.request import base_url

OPEN_PATHS = frozenset({"/", "/v3", "/v3/"})


def routes() -> list[Route]:
    """Return the routes, which need no token."""
    return [
        Route("/", list_versions, methods=["GET"]),
        Route("/v3", show_version, methods=["GET"]),
        Route("/v3/", show_version, methods=["GET"]),
    ]


async def list_versions(request: Request) -> Response:
    """``GET /``: the one version, with 300 as keystone answers it."""
    return json_reply({"versions": {"values": [_version(request)]}}, 300, {"Location": f"{base_url(request)}/v3/"})


async def show_version(request: Request) -> Response:
    """``GET /v3``."""
    return json_reply({"version": _version(request)})


def _version(request: Request) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{base_url(request)}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }
