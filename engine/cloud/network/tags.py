"""Tags of networks, subnets, ports and security groups: requests that set them and filters that ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints
from sqlalchemy import ColumnElement, Table, and_, func, not_, or_, select, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.network.collection import Collection, Document, Filter
from engine.cloud.network.creation import Attributes, changed_values
from engine.cloud.network.policy import require_owner
from engine.rest.access import Access
from engine.rest.errors import BadRequest, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of
from engine.rest.request import body_of as whole_body_of

_MOST_TAGS = 50
_LONGEST = 255
_Tag = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST)]


class Tags(Attributes):
    """A body that replaces or adds tags."""

    tags: list[_Tag]


@dataclass(frozen=True)
class Tagged:
    """A collection whose things have tags, under a path, and which of them a caller sees."""

    path: str
    collection: Collection
    visible: Callable[[Access], ColumnElement[bool] | None]


def tag_filters(table: Table) -> Mapping[str, Filter]:
    """Return the filters ``tags`` (all of a list), ``tags-any``, ``not-tags`` and ``not-tags-any``."""

    def has(tag: str) -> ColumnElement[bool]:
        entries = func.json_each(table.c.tags).table_valued("value")
        return select(entries.c.value).where(entries.c.value == tag).exists()

    def has_all(wanted: Sequence[str]) -> ColumnElement[bool]:
        return and_(*(has(tag) for tag in _listed(wanted)))

    def has_any(wanted: Sequence[str]) -> ColumnElement[bool]:
        return or_(*(has(tag) for tag in _listed(wanted)))

    return {
        "tags": has_all,
        "tags-any": has_any,
        "not-tags": lambda wanted: not_(has_all(wanted)),
        "not-tags-any": lambda wanted: not_(has_any(wanted)),
    }


def _listed(wanted: Sequence[str]) -> list[str]:
    tags = [tag for text in wanted for tag in text.split(",")]
    if len(tags) > _MOST_TAGS:
        raise BadRequest(f"At most {_MOST_TAGS} tags are taken")
    return tags


def routes(database: Database, tagged: Sequence[Tagged]) -> list[Route]:
    """Return the routes of the tags of several collections."""
    return [route for one in tagged for route in _routes_of(database, one)]


def _routes_of(database: Database, tagged: Tagged) -> list[Route]:
    collection = tagged.collection
    table = collection.table

    def change(request: Request, changed: Callable[[list[str]], list[str]]) -> list[str]:
        """Set the tags of what the path names to what becomes of them, without repetitions; return them."""
        access = access_of(request)
        with database.write() as connection:
            found = collection.find(connection, request.path_params["id"], tagged.visible(access))
            require_owner(access, found["project_id"], f"update_{collection.plural}_tags")
            tags = list(dict.fromkeys(changed(found["tags"])))
            if len(tags) > _MOST_TAGS:
                raise BadRequest(f"A resource has at most {_MOST_TAGS} tags")
            if tags != found["tags"]:
                values = changed_values(table, {"tags": tags})
                connection.execute(update(table).where(table.c.id == found["id"]).values(values))
        return tags

    def find(request: Request) -> Document:
        with database.read() as connection:
            return collection.find(connection, request.path_params["id"], tagged.visible(access_of(request)))

    async def show(request: Request) -> Response:
        return json_reply({"tags": find(request)["tags"]})

    async def replace(request: Request) -> Response:
        wanted = (await whole_body_of(request, Tags)).tags
        return json_reply({"tags": change(request, lambda _: wanted)})

    async def add_all(request: Request) -> Response:
        wanted = (await whole_body_of(request, Tags)).tags
        return json_reply({"tags": change(request, lambda tags: tags + wanted)})

    async def remove_all(request: Request) -> Response:
        change(request, lambda _: [])
        return empty_reply()

    async def has_one(request: Request) -> Response:
        tag = request.path_params["tag"]
        if tag not in find(request)["tags"]:
            raise _no_tag(tag)
        return empty_reply()

    async def add_one(request: Request) -> Response:
        tag = request.path_params["tag"]
        if len(tag) > _LONGEST:
            raise BadRequest(f"Invalid input for tag. '{tag[:100]}...' exceeds maximum length of {_LONGEST}")
        change(request, lambda tags: [*tags, tag])
        return empty_reply(201)

    async def remove_one(request: Request) -> Response:
        tag = request.path_params["tag"]

        def removed(tags: list[str]) -> list[str]:
            if tag not in tags:
                raise _no_tag(tag)
            return [one for one in tags if one != tag]

        change(request, removed)
        return empty_reply()

    everything = f"/v2.0/{tagged.path}/{{id}}/tags"
    single = everything + "/{tag}"
    return [
        Route(everything, show, methods=["GET"]),
        Route(everything, replace, methods=["PUT"]),
        Route(everything, add_all, methods=["POST"]),
        Route(everything, remove_all, methods=["DELETE"]),
        Route(single, has_one, methods=["GET"]),
        Route(single, add_one, methods=["PUT"]),
        Route(single, remove_one, methods=["DELETE"]),
    ]


def _no_tag(tag: str) -> NotFound:
    return NotFound(f"Tag {tag[:_LONGEST]} could not be found.", kind="TagNotFound")
