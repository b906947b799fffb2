"""The server that a request's path names, if the caller may see it, and the rules for changing it."""

from __future__ import annotations

import sqlalchemy as sa
from starlette.requests import Request

from engine.boot.api.deps import Deps
from engine.boot.store.instances import InstanceRow, get_instance
from engine.rest.access import Access
from engine.rest.errors import Conflict, NotFound
from engine.rest.request import access_of

_LONGEST_ID = 64


async def server_of(deps: Deps, request: Request, *, deleted: bool = False) -> InstanceRow:
    """Return the server that ``{server}`` of the path names; raise NotFound."""
    access, name = access_of(request), server_name(request)
    return await deps.store.look_up(lambda connection: server_in(connection, access, name, deleted=deleted))


def server_name(request: Request) -> str:
    """Return what the path says for ``{server}``."""
    return str(request.path_params["server"])


def server_in(
    connection: sa.Connection, access: Access, name: str, *, deleted: bool = False, lock: bool = False
) -> InstanceRow:
    """Return a server that the caller may see, for ``lock`` with its record held; raise NotFound."""
    row = get_instance(connection, name, deleted=deleted, lock=lock) if len(name) <= _LONGEST_ID else None
    if row is None or not access.sees(row.project_id):
        raise NotFound(f"Instance {name[:_LONGEST_ID]} could not be found.")
    return row


def check_unlocked(row: InstanceRow, access: Access) -> None:
    """Raise Conflict when the server is locked and the caller no administrator."""
    if row.locked and not access.is_admin:
        raise Conflict(f"Instance {row.uuid} is locked")


def check_state(
    row: InstanceRow, action: str, *, vm_states: tuple[str, ...], task_states: tuple[str, ...] = ("",)
) -> None:
    """Raise Conflict, in nova's words, unless the server is in one of the states, and nothing else is under way."""
    if row.vm_state not in vm_states:
        raise Conflict(f"Cannot '{action}' instance {row.uuid} while it is in vm_state {row.vm_state}")
    if row.task_state not in task_states:
        raise Conflict(f"Cannot '{action}' instance {row.uuid} while it is in task_state {row.task_state}")
