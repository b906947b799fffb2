"""Locking a server against changes, and unlocking it."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from engine.boot.api.action_bodies import read_action
from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT
from engine.boot.api.lookup import server_in, server_name
from engine.boot.api.versioned import minor_of
from engine.boot.store.history import begin_action
from engine.boot.store.instances import change_instance
from engine.rest.errors import BadRequest, Forbidden
from engine.rest.replies import empty_reply
from engine.rest.request import access_of, request_id_of

_REASON_SINCE = 73
_ADMIN = "admin"
_OWNER = "owner"


class _Lock(BaseModel):
    model_config = STRICT

    locked_reason: Annotated[str, Field(min_length=1, max_length=255)]


async def lock(deps: Deps, request: Request, given: object) -> Response:
    """Lock a server; only administrators can then change it, and only they can undo a lock of theirs."""
    reason = ""
    if given is not None:
        if minor_of(request) < _REASON_SINCE:
            raise BadRequest("Invalid input for field/attribute lock. It takes no arguments in this version.")
        reason = read_action(given, _Lock).locked_reason
    await _set(deps, request, "lock", locked=True, reason=reason)
    return empty_reply(202)


async def unlock(deps: Deps, request: Request, _: object) -> Response:
    """Unlock a server."""
    await _set(deps, request, "unlock", locked=False, reason="")
    return empty_reply(202)


async def _set(deps: Deps, request: Request, action: str, *, locked: bool, reason: str) -> None:
    access, name, request_id = access_of(request), server_name(request), request_id_of(request)
    access.require_writer()

    def work(connection: sa.Connection) -> None:
        row = server_in(connection, access, name, lock=True)
        if row.locked and row.locked_by == _ADMIN and not access.is_admin:
            raise Forbidden(
                "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed."
            )
        by = _OWNER if access.project_id == row.project_id and not access.is_admin else _ADMIN
        now = deps.clock()
        values = {"locked": locked, "locked_by": by if locked else "", "locked_reason": reason}
        # a lock is no progress of a build
        change_instance(connection, row.uuid, {**values, "progress_at": row.progress_at}, now=now)
        begin_action(
            connection,
            row.uuid,
            action,
            request_id=request_id,
            user_id=access.user_id,
            project_id=access.project_id,
            now=now,
        )

    await deps.store.write(work)
