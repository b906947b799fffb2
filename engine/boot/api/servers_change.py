"""``PUT`` and ``DELETE /servers/{server}``."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.create_body import Description, Hostname, ServerName
from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT
from engine.boot.api.links import PREFIX
from engine.boot.api.lookup import check_unlocked, server_in, server_name
from engine.boot.api.server_view import Shown, detailed
from engine.boot.api.servers_read import shown_of
from engine.boot.api.versioned import minor_of
from engine.boot.messages import SCHEDULE_TOPIC, Delete, compute_topic
from engine.boot.states import TaskState
from engine.boot.store.history import begin_action
from engine.boot.store.instances import change_instance
from engine.boot.store.outbox import cast
from engine.boot.store.schema import instances
from engine.rest.access import Access
from engine.rest.errors import BadRequest
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of, request_id_of

_SINCE = {"description": 19, "hostname": 90}


class _Changes(BaseModel):
    model_config = STRICT

    name: ServerName | None = None
    description: Description | None = None
    hostname: Hostname | None = None
    disk_config: Literal["AUTO", "MANUAL"] = Field(default="MANUAL", alias="OS-DCF:diskConfig")


class _Body(BaseModel):
    model_config = STRICT

    server: _Changes


def routes(deps: Deps) -> list[Route]:
    """Return the routes on which servers are renamed and deleted."""

    async def update(request: Request) -> Response:
        """Change a server's name, description or host name."""
        access, name = access_of(request), server_name(request)
        access.require_writer()
        changes = (await body_of(request, _Body)).server
        late = [field for field in changes.model_fields_set if _SINCE.get(field, 0) > minor_of(request)]
        if late:
            raise BadRequest(
                "Invalid input for field/attribute server. Additional properties are not allowed "
                f"('{min(late)}' was unexpected)"
            )
        values: dict[str, Any] = {}
        if changes.name is not None:
            values["display_name"] = changes.name
        if "description" in changes.model_fields_set:
            values["description"] = changes.description or ""
        if changes.hostname is not None:
            values["hostname"] = changes.hostname

        def change(connection: sa.Connection) -> Shown:
            row = server_in(connection, access, name, lock=True)
            check_unlocked(row, access)
            now = deps.clock()
            # a new name is no progress of a build
            change_instance(connection, row.uuid, {**values, "progress_at": row.progress_at}, now=now)
            return shown_of(connection, server_in(connection, access, name))

        shown = await deps.store.write(change)
        return json_reply({"server": detailed(request, shown, one=True)})

    async def delete(request: Request) -> Response:
        """Begin to delete a server, whatever it is doing."""
        await begin_delete(deps, request)
        return empty_reply(204)

    return [
        Route(f"{PREFIX}/servers/{{server}}", update, methods=["PUT"]),
        Route(f"{PREFIX}/servers/{{server}}", delete, methods=["DELETE"]),
    ]


async def begin_delete(deps: Deps, request: Request) -> None:
    """Record that a server is to be deleted and tell its host, or the worker when it has none; twice is once."""
    access, name, request_id = access_of(request), server_name(request), request_id_of(request)
    access.require_writer()
    told = await deps.store.write(
        lambda connection: _begin(connection, access, name, request_id=request_id, now=deps.clock())
    )
    if told is None:
        return
    number, message, host = told
    if host:
        deps.conductor.wake_up()
    else:
        deps.casts.put_nowait((number, message))


def _begin(
    connection: sa.Connection, access: Access, name: str, *, request_id: str, now: float
) -> tuple[int, Delete, str] | None:
    """Return the message cast, its number and the host; None when the server is being deleted already."""
    row = server_in(connection, access, name, lock=True)
    check_unlocked(row, access)
    values = {"task_state": TaskState.DELETING.value}
    unless = instances.c.task_state != TaskState.DELETING.value
    if not change_instance(connection, row.uuid, values, unless, now=now):
        return None
    begin_action(
        connection,
        row.uuid,
        "delete",
        request_id=request_id,
        user_id=access.user_id,
        project_id=access.project_id,
        now=now,
    )
    message = Delete(instance_uuid=row.uuid, request_id=request_id)
    topic = compute_topic(row.host) if row.host else SCHEDULE_TOPIC
    return cast(connection, topic, message, now=now), message, row.host
