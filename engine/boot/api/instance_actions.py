"""``/servers/{server}/os-instance-actions``: what was done with a server, also after its end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.links import PREFIX, linked_page
from engine.boot.api.lookup import server_in, server_name
from engine.boot.api.server_view import host_id_of
from engine.boot.api.times import micro_text
from engine.boot.api.versioned import minor_of
from engine.boot.store.history import ActionRow, EventRow, actions_of, events_of
from engine.boot.store.instances import InstanceRow
from engine.rest.access import Access
from engine.rest.errors import BadRequest, NotFound
from engine.rest.replies import json_reply
from engine.rest.request import access_of

_DELETED_SINCE = 21
_EVENTS_SINCE = 51
_UPDATED_SINCE = 58
_HOST_ID_SINCE = 62
_DETAILS_SINCE = 84
_LONGEST_ID = 64


def routes(deps: Deps) -> list[Route]:
    """Return the routes of servers' actions."""
    collection = f"{PREFIX}/servers/{{server}}/os-instance-actions"

    async def index(request: Request) -> Response:
        """List a server's actions, newest first."""
        access, name = access_of(request), server_name(request)
        deleted = minor_of(request) >= _DELETED_SINCE

        def find(connection: sa.Connection) -> list[ActionRow]:
            return actions_of(connection, server_in(connection, access, name, deleted=deleted).uuid)

        found = await deps.store.read(find)
        since = request.query_params.get("changes-since")
        if since is not None:
            earliest = _time(since)
            found = [action for action in found if action.updated_at >= earliest]
        if minor_of(request) < _UPDATED_SINCE:
            return json_reply({"instanceActions": [_action(request, action) for action in found]})
        page, links = linked_page(request, found, lambda action: action.request_id, "links")
        more = {"links": links["links_links"]} if links else {}
        return json_reply({"instanceActions": [_action(request, action) for action in page]} | more)

    async def show(request: Request) -> Response:
        """Return one action, by its request's id, with its parts."""
        access, name = access_of(request), server_name(request)
        request_id = str(request.path_params["request_id"])
        deleted = minor_of(request) >= _DELETED_SINCE

        def find(connection: sa.Connection) -> tuple[InstanceRow, ActionRow | None, list[EventRow]]:
            row = server_in(connection, access, name, deleted=deleted)
            actions = actions_of(connection, row.uuid)
            action = next((one for one in actions if one.request_id == request_id), None)
            return row, action, events_of(connection, row.uuid, request_id)

        row, action, events = await deps.store.read(find)
        if action is None:
            raise NotFound(f"Action for request_id {request_id[:_LONGEST_ID]} on instance {row.uuid} not found")
        view = _action(request, action)
        if access.is_admin or minor_of(request) >= _EVENTS_SINCE:
            view["events"] = [_event(row, event, access, minor_of(request)) for event in events]
        return json_reply({"instanceAction": view})

    return [
        Route(collection, index, methods=["GET"]),
        Route(f"{collection}/{{request_id}}", show, methods=["GET"]),
    ]


def _action(request: Request, action: ActionRow) -> dict[str, Any]:
    view: dict[str, Any] = {
        "action": action.action,
        "instance_uuid": action.instance_uuid,
        "request_id": action.request_id,
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": micro_text(action.started_at),
        "message": action.message or None,
    }
    if minor_of(request) >= _UPDATED_SINCE:
        view["updated_at"] = micro_text(action.updated_at)
    return view


def _event(row: InstanceRow, event: EventRow, access: Access, minor: int) -> dict[str, Any]:
    """Return one part of an action; where it happened and its details are for administrators."""
    view: dict[str, Any] = {
        "event": event.event,
        "start_time": micro_text(event.started_at),
        "finish_time": micro_text(event.finished_at),
        "result": event.result or None,
    }
    if access.is_admin or minor < _EVENTS_SINCE:
        view["traceback"] = event.details or None
    if access.is_admin:
        view["host"] = event.host
    if minor >= _HOST_ID_SINCE:
        view["hostId"] = host_id_of(row.project_id, event.host)
    if minor >= _DETAILS_SINCE:
        view["details"] = event.details or None
    return view


def _time(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise BadRequest(f"Invalid changes-since: {text[:100]!r} is no 'date-time'") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
