"""Actions on a server's power: start, stop and reboot, done by its host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from engine.boot.api.action_bodies import read_action
from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT
from engine.boot.api.lookup import check_state, check_unlocked, server_in, server_name
from engine.boot.messages import Power, compute_topic
from engine.boot.states import TaskState, VmState
from engine.boot.store.history import begin_action
from engine.boot.store.instances import change_instance
from engine.boot.store.outbox import cast
from engine.rest.access import Access
from engine.rest.errors import Conflict
from engine.rest.replies import empty_reply
from engine.rest.request import access_of, request_id_of


class _Reboot(BaseModel):
    model_config = STRICT

    type: Literal["SOFT", "HARD", "soft", "hard", "Soft", "Hard"]


@dataclass(frozen=True)
class _Change:
    """One action: what the server must be in, what it is in meanwhile, and what its host is told."""

    action: str
    vm_states: tuple[str, ...]
    task_state: TaskState
    task_states: tuple[str, ...] = ("",)
    hard: bool = False


_START = _Change("start", (VmState.STOPPED,), TaskState.POWERING_ON)
_STOP = _Change("stop", (VmState.ACTIVE, VmState.ERROR), TaskState.POWERING_OFF)
_SOFT_REBOOT = _Change("reboot", (VmState.ACTIVE,), TaskState.REBOOTING)
_HARD_REBOOT = _Change(
    "reboot",
    (VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED, VmState.ERROR),
    TaskState.REBOOTING_HARD,
    ("", TaskState.REBOOTING, TaskState.REBOOTING_HARD),
    hard=True,
)


async def start(deps: Deps, request: Request, _: object) -> Response:
    """Begin to start a stopped server."""
    return await _change_power(deps, request, _START)


async def stop(deps: Deps, request: Request, _: object) -> Response:
    """Begin to stop a server."""
    return await _change_power(deps, request, _STOP)


async def reboot(deps: Deps, request: Request, given: object) -> Response:
    """Begin to reboot a server: softly by its guest, or hard by its hypervisor."""
    kind = read_action(given, _Reboot).type.upper()
    return await _change_power(deps, request, _HARD_REBOOT if kind == "HARD" else _SOFT_REBOOT)


async def _change_power(deps: Deps, request: Request, change: _Change) -> Response:
    access, name, request_id = access_of(request), server_name(request), request_id_of(request)
    access.require_writer()
    await deps.store.write(
        lambda connection: _begin(connection, access, name, change, request_id=request_id, now=deps.clock())
    )
    deps.conductor.wake_up()
    return empty_reply(202)


def _begin(
    connection: sa.Connection, access: Access, name: str, change: _Change, *, request_id: str, now: float
) -> None:
    """Record that the action is under way, and cast it to the server's host."""
    row = server_in(connection, access, name, lock=True)
    check_unlocked(row, access)
    check_state(row, change.action, vm_states=change.vm_states, task_states=change.task_states)
    if not row.host:
        raise Conflict(f"Cannot '{change.action}' instance {row.uuid} while it is on no host")
    change_instance(connection, row.uuid, {"task_state": change.task_state.value}, now=now)
    begin_action(
        connection,
        row.uuid,
        change.action,
        request_id=request_id,
        user_id=access.user_id,
        project_id=access.project_id,
        now=now,
    )
    message = Power(instance_uuid=row.uuid, action=change.action, request_id=request_id, hard=change.hard)
    cast(connection, compute_topic(row.host), message, now=now)
