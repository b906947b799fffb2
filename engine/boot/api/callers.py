"""Who asked, as the messages and the calls to other services carry it."""

from __future__ import annotations

from starlette.requests import Request

from engine.boot.messages import Caller
from engine.rest.request import access_of, request_id_of


def caller_of(request: Request) -> Caller:
    """Return the caller of a request, under the id by which its actions are listed."""
    access = access_of(request)
    return Caller(
        token=access.token,
        user_id=access.user_id,
        project_id=access.project_id,
        user_name=access.user_name,
        project_name=access.project_name,
        roles=tuple(sorted(access.roles)),
        request_id=request_id_of(request),
    )
