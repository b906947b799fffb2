"""User messages: why something that went on after its answer failed, kept for the project to read."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import delete, insert, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.volume.schema import MESSAGES, Volume, now_us
from engine.cloud.volume.views import when
from engine.rest.errors import NotFound
from engine.rest.paging import page_of
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of

_KEPT = 1000
_LIFETIME_US = 30 * 24 * 3600 * 1_000_000


class MessageStore:
    """The messages of every project; each keeps its newest ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, volume: Volume, request_id: str, text: str) -> None:
        """Tell a volume's project what went wrong with it."""
        with self._database.write() as connection:
            connection.execute(
                insert(MESSAGES).values(
                    id=str(uuid.uuid4()),
                    project_id=volume.project_id,
                    volume_id=volume.id,
                    request_id=request_id,
                    text=text,
                    created_us=now_us(),
                )
            )
            own = MESSAGES.c.project_id == volume.project_id
            kept = select(MESSAGES.c.id).where(own).order_by(MESSAGES.c.created_us.desc()).limit(_KEPT)
            connection.execute(delete(MESSAGES).where(own, MESSAGES.c.id.not_in(kept)))

    def of_project(self, project_id: str) -> list[dict[str, Any]]:
        """Return a project's messages as cinder shows them, newest first."""
        query = select(MESSAGES).where(MESSAGES.c.project_id == project_id).order_by(MESSAGES.c.created_us.desc())
        with self._database.read() as connection:
            return [_view(row) for row in connection.execute(query)]

    def remove(self, project_id: str, message_id: str) -> bool:
        """Remove a message; return whether there was one."""
        condition = (MESSAGES.c.id == message_id) & (MESSAGES.c.project_id == project_id)
        with self._database.write() as connection:
            return connection.execute(delete(MESSAGES).where(condition)).rowcount == 1


def routes(store: MessageStore) -> list[Route]:
    """Return the routes of user messages."""

    async def index(request: Request) -> Response:
        """List the project's messages."""
        messages = store.of_project(access_of(request).project_id)
        return json_reply({"messages": page_of(request, messages, lambda message: str(message["id"]))})

    async def show(request: Request) -> Response:
        """Show one message."""
        message_id = request.path_params["message_id"]
        for message in store.of_project(access_of(request).project_id):
            if message["id"] == message_id:
                return json_reply({"message": message})
        raise NotFound(f"Message {message_id[:100]} could not be found.")

    async def remove(request: Request) -> Response:
        """Delete one message."""
        access = access_of(request)
        access.require_writer()
        message_id = request.path_params["message_id"]
        if not store.remove(access.project_id, message_id):
            raise NotFound(f"Message {message_id[:100]} could not be found.")
        return empty_reply()

    return [
        Route("/v3/messages", index, methods=["GET"]),
        Route("/v3/messages/{message_id}", show, methods=["GET"]),
        Route("/v3/messages/{message_id}", remove, methods=["DELETE"]),
    ]


def _view(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "event_id": "VOLUME_VOLUME_001_001",
        "message_level": "ERROR",
        "resource_type": "VOLUME",
        "resource_uuid": row.volume_id,
        "request_id": row.request_id,
        "user_message": row.text,
        "created_at": when(row.created_us),
        "guaranteed_until": when(row.created_us + _LIFETIME_US),
        "links": [],
    }
