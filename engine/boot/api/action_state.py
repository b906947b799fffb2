"""``os-resetState``: an administrator's word for a state that the record has wrong."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from engine.boot.api.action_bodies import read_action
from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT
from engine.boot.api.lookup import server_in, server_name
from engine.boot.states import TaskState, VmState
from engine.boot.store.history import add_fault, begin_action
from engine.boot.store.instances import change_instance
from engine.rest.errors import Conflict
from engine.rest.replies import empty_reply
from engine.rest.request import access_of, request_id_of


class _Reset(BaseModel):
    model_config = STRICT

    state: Literal["active", "error"]


async def reset_state(deps: Deps, request: Request, given: object) -> Response:
    """Say that a server is active, or in error, with nothing under way."""
    access, name, request_id = access_of(request), server_name(request), request_id_of(request)
    access.require_admin("os_compute_api:os-admin-actions:reset_state")
    state = VmState(read_action(given, _Reset).state)

    def work(connection: sa.Connection) -> None:
        row = server_in(connection, access, name, lock=True)
        if state == VmState.ACTIVE and not row.host:
            raise Conflict(f"Cannot 'reset_state' instance {row.uuid} to active while it is on no host")
        now = deps.clock()
        values = {"vm_state": state.value, "task_state": TaskState.NONE.value}
        change_instance(connection, row.uuid, values, now=now)
        if state == VmState.ERROR:
            add_fault(connection, row.uuid, "An administrator set the state to error.", host=row.host, now=now)
        begin_action(
            connection,
            row.uuid,
            "reset_state",
            request_id=request_id,
            user_id=access.user_id,
            project_id=access.project_id,
            now=now,
        )

    await deps.store.write(work)
    return empty_reply(202)
