"""Server groups: instances that want to be together or apart; a project sees its own."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal
from uuid import uuid4

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT, Name, PositiveSize
from engine.boot.api.links import PREFIX
from engine.boot.api.scheduler_calls import ask
from engine.boot.api.scheduler_messages import group_message
from engine.boot.api.scheduler_sync import store_and_tell
from engine.boot.api.versioned import check_query, minor_of
from engine.boot.store.quotas import limits_of
from engine.boot.store.retired import Kind, retire
from engine.boot.store.server_groups import (
    ServerGroupRow,
    add_server_group,
    count_server_groups,
    get_server_group,
    list_server_groups,
    members_of,
    remove_server_group,
)
from engine.errors import UnknownGroupError
from engine.rest.access import Access
from engine.rest.errors import BadRequest, Forbidden, NotFound
from engine.rest.paging import limit_of
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_OWNER_SINCE = 13
_SOFT_SINCE = 15
_RULES_SINCE = 64
_HARD = ("affinity", "anti-affinity")

Policy = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]


class _Rules(BaseModel):
    model_config = STRICT

    max_server_per_host: PositiveSize | None = None


class _Group(BaseModel):
    model_config = STRICT

    name: Name
    policy: Policy
    rules: _Rules | None = None


class _Create(BaseModel):
    model_config = STRICT

    server_group: _Group


class _OldGroup(BaseModel):
    """A group as versions below 2.64 had it, which also took and ignored unknown fields."""

    model_config = ConfigDict(strict=True, extra="ignore")

    name: Name
    policies: Annotated[list[Policy], Field(min_length=1, max_length=1)]


class _OldCreate(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    server_group: _OldGroup


async def _given(request: Request) -> tuple[str, str, int]:
    """Return the name, policy and most servers per host (0: the policy's own) that a body asks for."""
    if minor_of(request) < _RULES_SINCE:
        old = (await body_of(request, _OldCreate)).server_group
        policy = old.policies[0]
        if policy not in _HARD and minor_of(request) < _SOFT_SINCE:
            raise BadRequest(f"Invalid input for field/attribute 0. Value: {policy}. It is not one of {list(_HARD)}")
        return old.name, policy, 0
    group = (await body_of(request, _Create)).server_group
    most = (group.rules.max_server_per_host if group.rules else None) or 0
    if group.rules is not None and group.rules.model_fields_set and group.policy != "anti-affinity":
        raise BadRequest("Only anti-affinity policy supports rules.")
    return group.name, group.policy, most


def _view(request: Request, group: ServerGroupRow, members: list[str]) -> dict[str, Any]:
    minor = minor_of(request)
    view: dict[str, Any] = {"id": group.uuid, "name": group.name, "members": members}
    if minor >= _OWNER_SINCE:
        view |= {"project_id": group.project_id, "user_id": group.user_id}
    if minor < _RULES_SINCE:
        return view | {"policies": [group.policy], "metadata": {}}
    rules = {"max_server_per_host": group.max_server_per_host} if group.max_server_per_host else {}
    return view | {"policy": group.policy, "rules": rules}


def _group_for(connection: sa.Connection, access: Access, uuid: str) -> ServerGroupRow:
    """Return a group that the caller sees; raise NotFound."""
    group = get_server_group(connection, uuid)
    if group is None or not access.sees(group.project_id):
        raise _unknown(uuid)
    return group


def _unknown(uuid: str) -> NotFound:
    return NotFound(f"Instance group {uuid} could not be found.")


def routes(deps: Deps) -> list[Route]:
    """Return the routes of server groups."""

    async def index(request: Request) -> Response:
        check_query(request, ("all_projects", "limit", "offset"))
        access = access_of(request)
        everyones = "all_projects" in request.query_params and access.is_admin
        offset, limit = _offset(request), limit_of(request)

        def read(connection: sa.Connection) -> list[dict[str, Any]]:
            groups = list_server_groups(connection, "" if everyones else access.project_id)[offset : offset + limit]
            members = members_of(connection, [group.uuid for group in groups])
            return [_view(request, group, members.get(group.uuid, [])) for group in groups]

        return json_reply({"server_groups": await deps.store.read(read)})

    async def show(request: Request) -> Response:
        access, uuid = access_of(request), request.path_params["uuid"]

        def read(connection: sa.Connection) -> dict[str, Any]:
            group = _group_for(connection, access, uuid)
            return _view(request, group, members_of(connection, [uuid]).get(uuid, []))

        return json_reply({"server_group": await deps.store.read(read)})

    async def create(request: Request) -> Response:
        access = access_of(request)
        access.require_writer()
        name, policy, most = await _given(request)
        group = ServerGroupRow(str(uuid4()), name, policy, most, access.project_id, access.user_id, deps.clock())

        def store(connection: sa.Connection) -> ServerGroupRow:
            limit = limits_of(connection, access.project_id, deps.settings.boot.quotas)["server_groups"]
            if 0 <= limit <= count_server_groups(connection, access.project_id):
                raise Forbidden("Quota exceeded, too many server groups.")
            add_server_group(connection, group)
            return group

        def take_back(connection: sa.Connection, group: ServerGroupRow) -> None:
            remove_server_group(connection, group.uuid)
            retire(connection, Kind.SERVER_GROUP, group.uuid, now=deps.clock())

        async def tell(group: ServerGroupRow) -> None:
            await ask(deps, deps.scheduler.update_server_groups, [group_message(group)])

        await store_and_tell(deps, store, tell, take_back)
        return json_reply({"server_group": _view(request, group, [])})

    async def delete(request: Request) -> Response:
        access, uuid = access_of(request), request.path_params["uuid"]
        access.require_writer()
        await deps.store.read(lambda connection: _group_for(connection, access, uuid))
        # unknown: it was already told that the group is gone
        with suppress(UnknownGroupError):
            await ask(deps, deps.scheduler.update_server_groups, delete_uuids=[uuid])

        def store(connection: sa.Connection) -> None:
            if not remove_server_group(connection, uuid):
                raise _unknown(uuid)
            retire(connection, Kind.SERVER_GROUP, uuid, now=deps.clock())

        await deps.store.write(store)
        return empty_reply()

    place = f"{PREFIX}/os-server-groups"
    return [
        Route(place, index, methods=["GET"]),
        Route(place, create, methods=["POST"]),
        Route(f"{place}/{{uuid}}", show, methods=["GET"]),
        Route(f"{place}/{{uuid}}", delete, methods=["DELETE"]),
    ]


def _offset(request: Request) -> int:
    text = request.query_params.get("offset", "0")
    if not (text.isascii() and text.isdecimal()):
        raise BadRequest(
            f"Invalid input for query parameters offset. Value: {text[:100]!r}. It must be a number from 0."
        )
    return int(text[:10])
