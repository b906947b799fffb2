"""Properties of volumes, set and taken away one by one or together."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.volume.bodies import MetaBody, MetadataBody
from engine.cloud.volume.parts import Parts
from engine.cloud.volume.volumes import writable_volume
from engine.rest.errors import BadRequest, NotFound, TooLarge
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_MOST = 128


def routes(parts: Parts) -> list[Route]:
    """Return the routes of volumes' properties."""

    def store(volume_id: str, properties: dict[str, str]) -> None:
        if len(properties) > _MOST:
            raise TooLarge(f"MetadataLimitExceeded: Maximum number of metadata items exceeds {_MOST}")
        parts.volumes.change(volume_id, {"properties": properties})

    def key_of(request: Request, properties: dict[str, str]) -> str:
        key: str = request.path_params["key"]
        if key not in properties:
            raise NotFound(f"Volume {request.path_params['volume_id']} has no metadata with key {key[:100]}.")
        return key

    async def index(request: Request) -> Response:
        """Show all properties."""
        volume = parts.volumes.get(request.path_params["volume_id"], access_of(request))
        return json_reply({"metadata": volume.properties})

    async def add(request: Request) -> Response:
        """Set some properties and keep the others."""
        asked = await body_of(request, MetadataBody)
        volume = writable_volume(request, parts)
        properties = {**volume.properties, **asked.metadata}
        store(volume.id, properties)
        return json_reply({"metadata": properties})

    async def replace(request: Request) -> Response:
        """Set the properties and keep no others."""
        asked = await body_of(request, MetadataBody)
        volume = writable_volume(request, parts)
        store(volume.id, asked.metadata)
        return json_reply({"metadata": asked.metadata})

    async def show(request: Request) -> Response:
        """Show one property."""
        volume = parts.volumes.get(request.path_params["volume_id"], access_of(request))
        key = key_of(request, volume.properties)
        return json_reply({"meta": {key: volume.properties[key]}})

    async def change(request: Request) -> Response:
        """Set one property."""
        asked = await body_of(request, MetaBody)
        volume = writable_volume(request, parts)
        if list(asked.meta) != [request.path_params["key"]]:
            raise BadRequest("Request body and URI mismatch: the body must set the property that the path names.")
        store(volume.id, {**volume.properties, **asked.meta})
        return json_reply({"meta": asked.meta})

    async def remove(request: Request) -> Response:
        """Take one property away."""
        volume = writable_volume(request, parts)
        key = key_of(request, volume.properties)
        store(volume.id, {name: value for name, value in volume.properties.items() if name != key})
        return empty_reply(200)

    every = "/v3/volumes/{volume_id}/metadata"
    one = every + "/{key}"
    return [
        Route(every, index, methods=["GET"]),
        Route(every, add, methods=["POST"]),
        Route(every, replace, methods=["PUT"]),
        Route(one, show, methods=["GET"]),
        Route(one, change, methods=["PUT"]),
        Route(one, remove, methods=["DELETE"]),
    ]
