"""Calls of the scheduler from handlers: beside the event loop, its absence told as 503."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from engine.boot.api.deps import Deps
from engine.errors import LedgerError, ServiceUnavailableError, ShuttingDownError
from engine.rest.errors import Unavailable

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def ask(
    deps: Deps, call: Callable[Parameters, Result], *args: Parameters.args, **named: Parameters.kwargs
) -> Result:
    """Return what a call of the scheduler's client returns; raise Unavailable while the scheduler cannot serve.

    Refusals of the scheduler are raised as the EngineError they are.
    """
    try:
        return await deps.in_thread(call, *args, **named)
    except (ServiceUnavailableError, ShuttingDownError, LedgerError) as error:
        raise Unavailable(
            f"The scheduler is temporarily unavailable ({error.message}); nothing was changed."
        ) from error
