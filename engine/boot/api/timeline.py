"""``/servers/{server}/berth-timeline``: Berth's own, the 28 steps of a boot as they happened."""

from __future__ import annotations

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.links import PREFIX
from engine.boot.api.lookup import server_in, server_name
from engine.boot.api.server_view import host_id_of
from engine.boot.steps import STEPS
from engine.boot.store.history import StepRow, steps_of
from engine.boot.store.instances import InstanceRow
from engine.rest.replies import json_reply
from engine.rest.request import access_of


def routes(deps: Deps) -> list[Route]:
    """Return the route of servers' timelines."""

    async def show(request: Request) -> Response:
        """Return every recorded step by attempt and number; others than administrators see hosts as ``hostId``."""
        access, name = access_of(request), server_name(request)

        def find(connection: sa.Connection) -> tuple[InstanceRow, list[StepRow]]:
            row = server_in(connection, access, name, deleted=True)
            return row, steps_of(connection, row.uuid)

        row, steps = await deps.store.look_up(find)
        timeline = [
            {
                "step": step.step,
                "component": STEPS[step.step - 1].component,
                "what": STEPS[step.step - 1].what,
                "attempt": step.attempt,
                "host": step.host if access.is_admin else host_id_of(row.project_id, step.host),
                "started_at_us": step.started_us,
                "finished_at_us": step.finished_us,
                "error": step.error,
                "detail": step.detail if access.is_admin or not step.error else "",
            }
            for step in sorted(steps, key=lambda step: (step.attempt, step.step, step.started_us))
        ]
        return json_reply({"timeline": timeline})

    return [Route(f"{PREFIX}/servers/{{server}}/berth-timeline", show, methods=["GET"])]
