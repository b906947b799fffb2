"""``/servers/{server}/metadata``: a server's metadata, whole and item by item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.boot_request import check_metadata_quota
from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT
from engine.boot.api.links import PREFIX
from engine.boot.api.lookup import check_state, check_unlocked, server_in, server_name, server_of
from engine.boot.api.server_fields import MetadataItems
from engine.boot.states import VmState
from engine.boot.store.instances import change_instance
from engine.rest.errors import BadRequest, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_STATES = (VmState.ACTIVE, VmState.PAUSED, VmState.SUSPENDED, VmState.STOPPED)
_MISSING = "Metadata item was not found"

Change = Callable[[dict[str, str]], dict[str, str]]


class _All(BaseModel):
    model_config = STRICT

    metadata: MetadataItems


class _One(BaseModel):
    model_config = STRICT

    meta: Annotated[MetadataItems, Field(min_length=1, max_length=1)]


def routes(deps: Deps) -> list[Route]:
    """Return the routes of servers' metadata."""
    collection = f"{PREFIX}/servers/{{server}}/metadata"
    item = f"{collection}/{{key}}"

    async def changed(request: Request, change: Change, action: str) -> dict[str, str]:
        """Return a server's metadata after a change."""
        access, name = access_of(request), server_name(request)
        access.require_writer()

        def work(connection: sa.Connection) -> dict[str, str]:
            row = server_in(connection, access, name, lock=True)
            check_unlocked(row, access)
            check_state(row, action, vm_states=_STATES)
            after = change(row.metadata)
            if len(after) > len(row.metadata):
                check_metadata_quota(connection, row.project_id, deps.settings.boot.quotas, len(after))
            if after != row.metadata:
                change_instance(connection, row.uuid, {"metadata": after}, now=deps.clock())
            return after

        return await deps.store.write(work)

    async def index(request: Request) -> Response:
        """Return all of it."""
        return json_reply({"metadata": (await server_of(deps, request)).metadata})

    async def merge(request: Request) -> Response:
        """Add and replace items."""
        given = (await body_of(request, _All)).metadata
        after = await changed(request, lambda before: before | given, "update_server_metadata")
        return json_reply({"metadata": after})

    async def replace_all(request: Request) -> Response:
        """Replace all of it."""
        given = (await body_of(request, _All)).metadata
        return json_reply({"metadata": await changed(request, lambda _: given, "update_server_metadata")})

    async def show(request: Request) -> Response:
        """Return one item."""
        key = request.path_params["key"]
        metadata = (await server_of(deps, request)).metadata
        if key not in metadata:
            raise NotFound(_MISSING)
        return json_reply({"meta": {key: metadata[key]}})

    async def put(request: Request) -> Response:
        """Add or replace one item."""
        given = (await body_of(request, _One)).meta
        if request.path_params["key"] not in given:
            raise BadRequest("Request body and URI mismatch")
        await changed(request, lambda before: before | given, "update_server_metadata")
        return json_reply({"meta": given})

    async def remove(request: Request) -> Response:
        """Remove one item."""
        key = request.path_params["key"]

        def without(before: dict[str, str]) -> dict[str, str]:
            if key not in before:
                raise NotFound(_MISSING)
            return {name: value for name, value in before.items() if name != key}

        await changed(request, without, "delete_server_metadata")
        return empty_reply(204)

    return [
        Route(collection, index, methods=["GET"]),
        Route(collection, merge, methods=["POST"]),
        Route(collection, replace_all, methods=["PUT"]),
        Route(item, show, methods=["GET"]),
        Route(item, put, methods=["PUT"]),
        Route(item, remove, methods=["DELETE"]),
    ]
