"""What the block storage service tells of itself: versions, zones, its one backend; and lists that are always empty."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.volume.parts import Parts
from engine.cloud.volume.schema import ZONE, now_us
from engine.cloud.volume.views import when
from engine.rest.microversion import Microversion, MicroversionRange
from engine.rest.replies import json_reply
from engine.rest.request import access_of, base_url

VERSIONS = MicroversionRange("volume", Microversion(3, 0), Microversion(3, 71))
OPEN_PATHS = frozenset({"/", "/v3", "/v3/"})


def version_routes() -> list[Route]:
    """Return the routes that need no token."""

    async def versions(request: Request) -> Response:
        """List the one version; 300 at the root, as cinder has it."""
        return json_reply(_versions(request), 300 if request.url.path == "/" else 200)

    return [Route(path, versions, methods=["GET"]) for path in sorted(OPEN_PATHS)]


def routes(parts: Parts) -> list[Route]:
    """Return the routes about the service itself."""

    async def zones(_: Request) -> Response:
        """List the one availability zone."""
        return json_reply({"availabilityZoneInfo": [{"zoneName": ZONE, "zoneState": {"available": True}}]})

    async def services(request: Request) -> Response:
        """List what this service stands for, for administrators."""
        access_of(request).require_admin("volume_extension:services:index")
        host = parts.backend.name.partition("#")[0]
        common = {
            "zone": ZONE,
            "status": "enabled",
            "state": "up",
            "disabled_reason": None,
            "updated_at": when(now_us()),
        }
        names = (("cinder-scheduler", host.partition("@")[0]), ("cinder-volume", host))
        return json_reply({"services": [{"binary": binary, "host": where, **common} for binary, where in names]})

    async def no_snapshots(_: Request) -> Response:
        """List no snapshots: this service makes none."""
        return json_reply({"snapshots": []})

    async def no_extensions(_: Request) -> Response:
        """List no extensions: microversions took their place."""
        return json_reply({"extensions": []})

    return [
        Route("/v3/os-availability-zone", zones, methods=["GET"]),
        Route("/v3/os-services", services, methods=["GET"]),
        Route("/v3/snapshots", no_snapshots, methods=["GET"]),
        Route("/v3/snapshots/detail", no_snapshots, methods=["GET"]),
        Route("/v3/extensions", no_extensions, methods=["GET"]),
    ]


def _versions(request: Request) -> dict[str, Any]:
    return {
        "versions": [
            {
                "id": "v3.0",
                "status": "CURRENT",
                "version": str(VERSIONS.maximum),
                "min_version": str(VERSIONS.minimum),
                "updated": "2023-08-31T00:00:00Z",
                "links": [{"rel": "self", "href": f"{base_url(request)}/v3/"}],
                "media-types": [
                    {"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}
                ],
            }
        ]
    }
