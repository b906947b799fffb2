"""Volume types: kinds of volumes that administrators define."""

from __future__ import annotations

import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.volume.bodies import ExtraSpecsBody, NewTypeBody
from engine.cloud.volume.parts import Parts
from engine.cloud.volume.schema import DEFAULT_TYPE, VolumeType
from engine.cloud.volume.views import type_view
from engine.rest.errors import NotFound
from engine.rest.paging import page_of
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of


def routes(parts: Parts) -> list[Route]:
    """Return the routes of volume types."""

    def seen(request: Request) -> list[VolumeType]:
        admin = access_of(request).is_admin
        return [kind for kind in parts.types.all().values() if kind.is_public or admin]

    def named(request: Request) -> VolumeType:
        type_id = request.path_params["type_id"]
        if type_id == "default":
            return parts.types.named(DEFAULT_TYPE)
        found = next((kind for kind in seen(request) if kind.id == type_id), None)
        if found is None:
            raise NotFound(f"Volume type {type_id[:100]} could not be found.")
        return found

    async def index(request: Request) -> Response:
        """List the types."""
        kinds = seen(request)
        asked = request.query_params.get("is_public", "none").lower()
        if asked in ("true", "false"):
            kinds = [kind for kind in kinds if kind.is_public == (asked == "true")]
        name = request.query_params.get("name")
        if name is not None:
            kinds = [kind for kind in kinds if kind.name == name]
        return json_reply({"volume_types": [type_view(kind) for kind in page_of(request, kinds, lambda kind: kind.id)]})

    async def show(request: Request) -> Response:
        """Show one type."""
        return json_reply({"volume_type": type_view(named(request))})

    async def create(request: Request) -> Response:
        """Create a type, for administrators."""
        access_of(request).require_admin("volume_extension:type_create")
        asked = (await body_of(request, NewTypeBody)).volume_type
        kind = VolumeType(str(uuid.uuid4()), asked.name, asked.description, asked.is_public, asked.extra_specs)
        parts.types.add(kind)
        return json_reply({"volume_type": type_view(kind)})

    async def remove(request: Request) -> Response:
        """Delete a type that no volume has, for administrators."""
        access_of(request).require_admin("volume_extension:type_delete")
        parts.types.remove(named(request))
        return empty_reply(202)

    async def show_extra_specs(request: Request) -> Response:
        """Show a type's extra specs."""
        return json_reply({"extra_specs": named(request).extra_specs})

    async def set_extra_specs(request: Request) -> Response:
        """Set some extra specs and keep the others, for administrators."""
        access_of(request).require_admin("volume_extension:types_extra_specs:create")
        asked = await body_of(request, ExtraSpecsBody)
        kind = named(request)
        parts.types.set_extra_specs(kind.id, {**kind.extra_specs, **asked.extra_specs})
        return json_reply({"extra_specs": asked.extra_specs})

    async def remove_extra_spec(request: Request) -> Response:
        """Take an extra spec away, for administrators."""
        access_of(request).require_admin("volume_extension:types_extra_specs:delete")
        kind = named(request)
        key = request.path_params["key"]
        if key not in kind.extra_specs:
            raise NotFound(f"Volume Type {kind.id} has no extra specs with key {key[:100]}.")
        left = {name: value for name, value in kind.extra_specs.items() if name != key}
        parts.types.set_extra_specs(kind.id, left)
        return empty_reply(202)

    one = "/v3/types/{type_id}"
    return [
        Route("/v3/types", index, methods=["GET"]),
        Route("/v3/types", create, methods=["POST"]),
        Route(one, show, methods=["GET"]),
        Route(one, remove, methods=["DELETE"]),
        Route(one + "/extra_specs", show_extra_specs, methods=["GET"]),
        Route(one + "/extra_specs", set_extra_specs, methods=["POST"]),
        Route(one + "/extra_specs/{key}", remove_extra_spec, methods=["DELETE"]),
    ]
