"""Errors as gRPC statuses and back: a code, a text, and the reason in the trailing metadata."""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, NoReturn

import grpc

from engine.errors import (
    ConflictError,
    EngineError,
    InvalidRequestError,
    LedgerError,
    NotFoundError,
    NoValidHostError,
    ServiceUnavailableError,
    ShuttingDownError,
)

REASON_KEY = "berth-reason"
_MESSAGE_CHARACTERS = 1024
_LOG = logging.getLogger("berth.conductor")

# the first class that matches decides
_CODES: tuple[tuple[type[EngineError], grpc.StatusCode], ...] = (
    (ConflictError, grpc.StatusCode.FAILED_PRECONDITION),
    (InvalidRequestError, grpc.StatusCode.INVALID_ARGUMENT),
    (NotFoundError, grpc.StatusCode.NOT_FOUND),
    (LedgerError, grpc.StatusCode.UNAVAILABLE),
    (ShuttingDownError, grpc.StatusCode.UNAVAILABLE),
    (ServiceUnavailableError, grpc.StatusCode.UNAVAILABLE),
)
_CLASS_OF_CODE: dict[grpc.StatusCode, type[EngineError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.FAILED_PRECONDITION: ConflictError,
    grpc.StatusCode.UNAVAILABLE: ServiceUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: ServiceUnavailableError,
    grpc.StatusCode.CANCELLED: ServiceUnavailableError,
}
"""For a status that carries no reason, as when gRPC itself refuses a message or finds no server."""


async def abort(context: Any, error: EngineError) -> NoReturn:
    """End a call with an error's status."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
    await context.abort(code, error.message[:_MESSAGE_CHARACTERS], ((REASON_KEY, error.reason),))
    raise AssertionError("abort does not return")


def engine_error(failure: grpc.aio.AioRpcError, target: str) -> EngineError:
    """Return the error that a failed call stands for; a status without a reason names the conductor's address."""
    code, text = failure.code(), failure.details() or ""
    reason = _reason(failure.trailing_metadata())
    kind = next((kind for kind in _family(EngineError) if kind.reason == reason), None)
    if kind is not None:
        return kind(text)
    return _CLASS_OF_CODE.get(code, EngineError)(f"conductor {target}: {text or code.name}")


def unary(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Wrap a method with one answer: an EngineError ends the call with its status, all else is logged, as INTERNAL."""

    @functools.wraps(method)
    async def call(self: Any, request: Any, context: Any) -> Any:
        try:
            return await method(self, request, context)
        except EngineError as error:
            await abort(context, error)
        except Exception:
            _LOG.exception("%s failed", method.__name__)
            await abort(context, EngineError("the conductor failed on this call: its log has the cause"))

    return call


def streaming(method: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    """Wrap a method with a stream of answers like ``unary``."""

    @functools.wraps(method)
    async def call(self: Any, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for answer in method(self, request, context):
                yield answer
        except EngineError as error:
            await abort(context, error)
        except Exception:
            _LOG.exception("%s failed", method.__name__)
            await abort(context, EngineError("the conductor failed on this call: its log has the cause"))

    return call


def _reason(metadata: Iterable[tuple[str, Any]] | None) -> str:
    return next((str(value) for key, value in metadata or () if key == REASON_KEY), "")


def _family(kind: type[EngineError]) -> Iterator[type[EngineError]]:
    """Yield a class and every class below it that needs no more than a message."""
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == EngineError.__module__ and child is not NoValidHostError:
            yield from _family(child)
