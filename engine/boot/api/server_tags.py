"""``/servers/{server}/tags``: from version 2.26."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT
from engine.boot.api.links import PREFIX
from engine.boot.api.lookup import check_unlocked, server_in, server_name, server_of
from engine.boot.api.server_fields import Tag, tag_text
from engine.boot.api.versioned import only_between
from engine.boot.store.instances import change_instance
from engine.rest.errors import BadRequest, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, base_url, body_of

_SINCE = 26
_MOST = 50

Change = Callable[[list[str]], list[str]]


class _Body(BaseModel):
    model_config = STRICT

    tags: Annotated[list[Tag], Field(max_length=_MOST)]


def routes(deps: Deps) -> list[Route]:
    """Return the routes of servers' tags."""
    collection = f"{PREFIX}/servers/{{server}}/tags"
    item = f"{collection}/{{tag}}"

    async def changed(request: Request, change: Change) -> tuple[list[str], list[str]]:
        """Return a server's tags before and after a change."""
        only_between(request, _SINCE)
        access, name = access_of(request), server_name(request)
        access.require_writer()

        def work(connection: sa.Connection) -> tuple[list[str], list[str]]:
            row = server_in(connection, access, name, lock=True)
            check_unlocked(row, access)
            after = change(row.tags)
            if len(after) > _MOST:
                raise BadRequest(f"The number of tags exceeded the per-server limit {_MOST}")
            if after != row.tags:
                change_instance(connection, row.uuid, {"tags": after, "progress_at": row.progress_at}, now=deps.clock())
            return row.tags, after

        return await deps.store.write(work)

    async def index(request: Request) -> Response:
        """Return all tags."""
        only_between(request, _SINCE)
        return json_reply({"tags": (await server_of(deps, request)).tags})

    async def replace(request: Request) -> Response:
        """Replace all tags."""
        given = (await body_of(request, _Body)).tags
        _, after = await changed(request, lambda _: list(dict.fromkeys(given)))
        return json_reply({"tags": after})

    async def clear(request: Request) -> Response:
        """Remove all tags."""
        await changed(request, lambda _: [])
        return empty_reply(204)

    async def show(request: Request) -> Response:
        """Answer 204 when the server has the tag."""
        only_between(request, _SINCE)
        tag, row = request.path_params["tag"], await server_of(deps, request)
        if tag not in row.tags:
            raise NotFound(f"Server {row.uuid} has no tag '{tag[:60]}'")
        return empty_reply(204)

    async def put(request: Request) -> Response:
        """Add one tag."""
        try:
            tag = tag_text(request.path_params["tag"])
        except ValueError as error:
            raise BadRequest(f"Invalid input for field/attribute tag. {error}") from error
        before, _ = await changed(request, lambda tags: tags if tag in tags else [*tags, tag])
        if tag in before:
            return empty_reply(204)
        return empty_reply(201, {"Location": f"{base_url(request)}{request.url.path}"})

    async def remove(request: Request) -> Response:
        """Remove one tag."""
        tag = request.path_params["tag"]

        def without(before: list[str]) -> list[str]:
            if tag not in before:
                raise NotFound(f"Server {server_name(request)} has no tag '{tag[:60]}'")
            return [one for one in before if one != tag]

        await changed(request, without)
        return empty_reply(204)

    return [
        Route(collection, index, methods=["GET"]),
        Route(collection, replace, methods=["PUT"]),
        Route(collection, clear, methods=["DELETE"]),
        Route(item, show, methods=["GET"]),
        Route(item, put, methods=["PUT"]),
        Route(item, remove, methods=["DELETE"]),
    ]
