"""``/os-server-external-events``: what the network and volume services tell of servers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT
from engine.boot.api.links import PREFIX
from engine.boot.api.server_fields import Uuid
from engine.boot.api.versioned import minor_of
from engine.boot.messages import ExternalEvent, compute_topic
from engine.boot.store.instances import find_instances
from engine.boot.store.outbox import cast
from engine.boot.store.schema import instances
from engine.rest.errors import BadRequest, NotFound
from engine.rest.replies import json_reply
from engine.rest.request import access_of, body_of

_MOST = 1000
_SINCE = {
    "network-changed": 1,
    "network-vif-plugged": 1,
    "network-vif-unplugged": 1,
    "network-vif-deleted": 1,
    "volume-extended": 51,
    "power-update": 76,
    "accelerator-request-bound": 82,
    "volume-reimaged": 93,
}


class _Event(BaseModel):
    model_config = STRICT

    name: Annotated[str, Field(max_length=64)]
    server_uuid: Uuid
    tag: Annotated[str, Field(max_length=255)] | None = None
    status: Literal["completed", "failed", "in-progress"] = "completed"


class _Body(BaseModel):
    model_config = STRICT

    events: Annotated[list[_Event], Field(min_length=1, max_length=_MOST)]


def routes(deps: Deps) -> list[Route]:
    """Return the route of events."""

    async def create(request: Request) -> Response:
        """Cast each event to its server's host; 207 when some cannot be, 404 when no server is known."""
        access_of(request).require_admin("os_compute_api:os-server-external-events:create")
        events = (await body_of(request, _Body)).events
        unknown = next((event.name for event in events if _SINCE.get(event.name, 1000) > minor_of(request)), None)
        if unknown is not None:
            raise BadRequest(
                f"Invalid input for field/attribute name. Value: {unknown}. "
                f"'{unknown}' is not one of {sorted(name for name, since in _SINCE.items() if since == 1)}"
            )
        codes = await deps.store.write(lambda connection: _cast_all(connection, events, now=deps.clock()))
        if all(code == 404 for code in codes):
            raise NotFound("No instances found for any event")
        deps.conductor.wake_up()
        answers = [_answer(event, code) for event, code in zip(events, codes, strict=True)]
        return json_reply({"events": answers}, 200 if all(code == 200 for code in codes) else 207)

    return [Route(f"{PREFIX}/os-server-external-events", create, methods=["POST"])]


def _cast_all(connection: sa.Connection, events: list[_Event], *, now: float) -> list[int]:
    """Return what became of each event: 200, 404 without its server, 422 while the server is on no host."""
    wanted = {event.server_uuid for event in events}
    found = find_instances(connection, instances.c.uuid.in_(list(wanted)), instances.c.deleted.is_(False))
    hosts = {row.uuid: row.host for row in found}
    codes = []
    for event in events:
        host = hosts.get(event.server_uuid)
        codes.append(404 if host is None else 200 if host else 422)
        if host:
            message = ExternalEvent(
                instance_uuid=event.server_uuid, name=event.name, tag=event.tag or "", status=event.status
            )
            cast(connection, compute_topic(host), message, now=now)
    return codes


def _answer(event: _Event, code: int) -> dict[str, Any]:
    given = event.model_dump(exclude_none=True)
    return {**given, "status": event.status if code == 200 else "failed", "code": code}
