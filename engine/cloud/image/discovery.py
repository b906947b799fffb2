"""What the image service tells of itself: versions, ways to import, stores, and the schemas of its documents."""

from __future__ import annotations

from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.image.formats import ContainerFormat, DiskFormat
from engine.cloud.image.images import IMPORT_METHODS
from engine.rest.errors import NotFound
from engine.rest.replies import json_reply
from engine.rest.request import base_url

NEWEST = 18
OPEN_PATHS = frozenset({"/", "/versions", "/v2", "/v2/"})


def routes() -> list[Route]:
    """Return the routes that need no image."""

    async def versions(request: Request) -> Response:
        """List the versions; 300 at the root, as glance has it."""
        return json_reply(_versions(request), 300 if request.url.path == "/" else 200)

    async def import_methods(_: Request) -> Response:
        """List the ways to import data."""
        methods = {"description": "Import methods available.", "type": "array", "value": list(IMPORT_METHODS)}
        return json_reply({"import-methods": methods})

    async def stores(_: Request) -> Response:
        """List the one store."""
        return json_reply({"stores": [{"id": "file", "default": "true", "description": "files of this service"}]})

    async def schema(request: Request) -> Response:
        """Describe a document."""
        name = request.path_params["name"]
        document = _schemas().get(name)
        if document is None:
            raise NotFound(f"There is no schema {name[:50]}.")
        return json_reply(document)

    return [
        *(Route(path, versions, methods=["GET"]) for path in sorted(OPEN_PATHS)),
        Route("/v2/info/import", import_methods, methods=["GET"]),
        Route("/v2/info/stores", stores, methods=["GET"]),
        Route("/v2/schemas/{name}", schema, methods=["GET"]),
    ]


def _versions(request: Request) -> dict[str, Any]:
    link = [{"rel": "self", "href": f"{base_url(request)}/v2/"}]
    return {
        "versions": [
            {"id": f"v2.{minor}", "status": "CURRENT" if minor == NEWEST else "SUPPORTED", "links": link}
            for minor in range(NEWEST, -1, -1)
        ]
    }


def _schemas() -> dict[str, Any]:
    text = {"type": ["null", "string"], "maxLength": 255}
    number = {"type": "integer"}
    computed = {"type": ["null", "integer"], "readOnly": True}
    told = {"type": ["null", "string"], "readOnly": True}
    image = {
        "name": "image",
        "properties": {
            "id": {"type": "string"},
            "name": text,
            "status": {**told, "enum": ["queued", "saving", "active", "uploading", "importing", "deactivated"]},
            "visibility": {"type": "string", "enum": ["community", "public", "private", "shared"]},
            "protected": {"type": "boolean"},
            "os_hidden": {"type": "boolean"},
            "checksum": told,
            "os_hash_algo": told,
            "os_hash_value": told,
            "owner": text,
            "size": computed,
            "virtual_size": computed,
            "container_format": {"type": ["null", "string"], "enum": [None, *get_args(ContainerFormat)]},
            "disk_format": {"type": ["null", "string"], "enum": [None, *get_args(DiskFormat)]},
            "created_at": told,
            "updated_at": told,
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 255}},
            "min_ram": number,
            "min_disk": number,
            "self": told,
            "file": told,
            "schema": told,
        },
        "additionalProperties": {"type": "string"},
        "links": [{"rel": "self", "href": "{self}"}, {"rel": "enclosure", "href": "{file}"}],
    }
    member = {
        "name": "member",
        "properties": {
            "member_id": {"type": "string"},
            "image_id": {"type": "string"},
            "status": {"type": "string", "enum": ["pending", "accepted", "rejected"]},
            "created_at": told,
            "updated_at": told,
            "schema": told,
        },
    }
    return {
        "image": image,
        "images": {"name": "images", "properties": {"images": {"type": "array", "items": image}}},
        "member": member,
        "members": {"name": "members", "properties": {"members": {"type": "array", "items": member}}},
    }
