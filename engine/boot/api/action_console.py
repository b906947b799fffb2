"""``os-getConsoleOutput``: the end of a server's console log, as its host has it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from engine.boot.api.action_bodies import read_action
from engine.boot.api.deps import Deps
from engine.boot.api.field_types import MOST, STRICT
from engine.boot.api.lookup import server_of
from engine.errors import EngineError, ServiceUnavailableError
from engine.rest.errors import Conflict, RestError, Unavailable
from engine.rest.replies import json_reply
from engine.rest.request import access_of

_TIMEOUT_S = 15.0


def _lines(value: object) -> object:
    """Return a number of lines, which clients send as a number, as digits, or as None or empty text for all."""
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if text.removeprefix("-").isdecimal() and text.isascii() and len(text) <= 10:
            return int(text)
    return value


class _Console(BaseModel):
    model_config = STRICT

    length: Annotated[Annotated[int, Field(ge=-1, le=MOST)] | None, BeforeValidator(_lines)] = None


async def console_output(deps: Deps, request: Request, given: object) -> Response:
    """Return the last ``length`` lines of the console log; all of them without one, or with -1."""
    access_of(request).require_writer()
    length = read_action({} if given is None else given, _Console).length
    row = await server_of(deps, request)
    if not row.host:
        raise Conflict(f"Instance {row.uuid} is not ready")
    body = {"instance_uuid": row.uuid, "length": None if length == -1 else length}
    try:
        answer = await deps.conductor.call_host(row.host, "console_output", body, timeout_s=_TIMEOUT_S)
    except ServiceUnavailableError as error:
        raise Unavailable(f"The console of instance {row.uuid} cannot be read now: its host is away.") from error
    except EngineError as error:
        raise RestError(f"Unable to get console log for instance {row.uuid}: {error.message}", status=404) from error
    output = answer.get("output", "") if isinstance(answer, dict) else ""
    return json_reply({"output": str(output)})
