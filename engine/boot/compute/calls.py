"""What a host answers when the conductor asks: the console of a guest, and which domains there are."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.boot.compute.threads import in_thread
from engine.boot.compute.tools import Tools
from engine.errors import InvalidRequestError


class _ConsoleRequest(BaseModel):
    """Whose console is asked for, and how many lines; None: all."""

    model_config = ConfigDict(strict=True, extra="forbid")

    instance_uuid: str
    length: int | None = Field(default=None, ge=0)


class _DomainsRequest(BaseModel):
    """Every domain of the host."""

    model_config = ConfigDict(strict=True, extra="forbid")


async def answer(tools: Tools, host: str, method: str, body: dict[str, Any]) -> Any:
    """Return the answer to one question; raises InvalidRequestError, LaunchError."""
    try:
        if method == "console_output":
            return await _console_output(tools, host, _ConsoleRequest.model_validate(body))
        if method == "domains":
            _DomainsRequest.model_validate(body)
            return await _domains(tools, host)
    except ValidationError as error:
        raise InvalidRequestError(f"{method}: {error.errors()[0]['msg']}", method=method) from error
    raise InvalidRequestError(f"hosts do not answer {method!r}", method=method)


async def _console_output(tools: Tools, host: str, request: _ConsoleRequest) -> dict[str, str]:
    output = await in_thread(tools.threads, tools.driver.console_output, host, request.instance_uuid, request.length)
    return {"output": output}


async def _domains(tools: Tools, host: str) -> list[dict[str, Any]]:
    return [
        {"uuid": info.uuid, "name": info.name, "state": int(info.power_state), "files": list(info.files)}
        for info in await in_thread(tools.threads, tools.driver.domains, host)
    ]
