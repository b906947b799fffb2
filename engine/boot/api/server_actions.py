"""``POST /servers/{server}/action``: the body's one key says which action."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.action_console import console_output
from engine.boot.api.action_locks import lock, unlock
from engine.boot.api.action_power import reboot, start, stop
from engine.boot.api.action_state import reset_state
from engine.boot.api.deps import Deps
from engine.boot.api.links import PREFIX
from engine.boot.api.lookup import server_of
from engine.boot.api.servers_change import begin_delete
from engine.rest.errors import BadRequest, RestError
from engine.rest.replies import empty_reply
from engine.rest.request import json_body

Action = Callable[[Deps, Request, object], Awaitable[Response]]
"""Does one action; the last argument is what the body has under its key."""

_UNSUPPORTED = frozenset(
    (
        "addFixedIp", "removeFixedIp", "addFloatingIp", "removeFloatingIp", "addSecurityGroup", "removeSecurityGroup",
        "changePassword", "confirmResize", "createBackup", "createImage", "evacuate", "injectNetworkInfo",
        "migrate", "os-getRDPConsole", "os-getSPICEConsole", "os-getSerialConsole", "os-getVNCConsole",
        "os-migrateLive", "pause", "rebuild", "rescue", "resetNetwork", "resize", "restore", "resume", "revertResize",
        "shelve", "shelveOffload", "suspend", "trigger_crash_dump", "unpause", "unrescue", "unshelve",
    )
)  # fmt: skip


async def force_delete(deps: Deps, request: Request, _: object) -> Response:
    """Begin to delete the server."""
    await begin_delete(deps, request)
    return empty_reply(202)


_ACTIONS: dict[str, Action] = {
    "os-start": start,
    "os-stop": stop,
    "reboot": reboot,
    "lock": lock,
    "unlock": unlock,
    "os-getConsoleOutput": console_output,
    "os-resetState": reset_state,
    "forceDelete": force_delete,
}


def routes(deps: Deps) -> list[Route]:
    """Return the route of all actions."""

    async def act(request: Request) -> Response:
        """Do the one action that the body names."""
        body = await json_body(request)
        if not isinstance(body, dict) or len(body) != 1:
            raise BadRequest("There must be exactly one action in the request body.")
        name, given = next(iter(body.items()))
        action = _ACTIONS.get(name)
        if action is not None:
            return await action(deps, request, given)
        await server_of(deps, request)
        if name in _UNSUPPORTED:
            raise RestError(f"This cloud does not support the action '{name}'.", status=501)
        raise BadRequest(f"There is no such action: {name[:100]}")

    return [Route(f"{PREFIX}/servers/{{server}}/action", act, methods=["POST"])]
