"""Errors as gRPC statuses: the one place that maps a reason to a status code and its details."""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from engine.errors import (
    AllocationExistsError,
    BusyError,
    ConflictError,
    EngineError,
    GenerationConflictError,
    InvalidRequestError,
    LedgerCorruptError,
    LedgerError,
    NotFoundError,
    NoValidHostError,
    ServiceUnavailableError,
    ShuttingDownError,
    TokenReusedError,
)
from engine.v1 import selection_pb2

DOMAIN = "berth"
_MESSAGE_BYTES = 1024
_DETAIL_BYTES = 256
_LOG = logging.getLogger("berth.service")

# the first class that matches decides, so the special ones come before their families
_CODES: tuple[tuple[type[EngineError], int], ...] = (
    (NoValidHostError, code_pb2.FAILED_PRECONDITION),
    (TokenReusedError, code_pb2.ALREADY_EXISTS),
    (AllocationExistsError, code_pb2.ALREADY_EXISTS),
    (GenerationConflictError, code_pb2.ABORTED),
    (ConflictError, code_pb2.FAILED_PRECONDITION),
    (InvalidRequestError, code_pb2.INVALID_ARGUMENT),
    (NotFoundError, code_pb2.NOT_FOUND),
    (LedgerCorruptError, code_pb2.DATA_LOSS),
    (LedgerError, code_pb2.UNAVAILABLE),
    (ShuttingDownError, code_pb2.UNAVAILABLE),
    (BusyError, code_pb2.RESOURCE_EXHAUSTED),
    (ServiceUnavailableError, code_pb2.UNAVAILABLE),
)


def status_of(error: EngineError, reasons: dict[str, str]) -> status_pb2.Status:
    """Return the google.rpc.Status of an error; ``reasons`` maps a filter to its public reason, for a summary.

    Texts are cut short where they are long: a status travels in headers, and callers refuse headers beyond 8 KiB.
    """
    if error.reason == "INVALID_REQUEST" or isinstance(error, InvalidRequestError):
        code = code_pb2.INVALID_ARGUMENT
    else:
        code = next((value for kind, value in _CODES if isinstance(error, kind)), code_pb2.INTERNAL)
    status = status_pb2.Status(code=code, message=_shortened(error.message, _MESSAGE_BYTES))
    metadata = {key: _shortened(value, _DETAIL_BYTES) for key, value in error.details.items()}
    _attach(status, error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata))
    if isinstance(error, NoValidHostError):
        left = error.hosts_total
        summary = selection_pb2.RejectionSummary(hosts_total=error.hosts_total, instances_placed=error.placed)
        for name, removed in error.rejections.items():
            left -= removed
            summary.rejections.add(filter=name, hosts_removed=removed, hosts_left=left, reason=reasons.get(name, ""))
        _attach(status, summary)
    return status


def _shortened(text: str, size: int) -> str:
    """Return a text of at most about ``size`` bytes, its middle left out where it is longer."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= size:
        return text
    half = size // 2
    return f"{encoded[:half].decode(errors='ignore')} … {encoded[-half:].decode(errors='ignore')}"


def _attach(status: status_pb2.Status, message: Any) -> None:
    detail = any_pb2.Any()
    detail.Pack(message)
    status.details.append(detail)


async def abort(context: grpc.aio.ServicerContext, error: EngineError, reasons: dict[str, str]) -> NoReturn:
    """End a call with an error's status."""
    status = rpc_status.to_status(status_of(error, reasons))
    await context.abort(status.code, status.details, status.trailing_metadata)
    raise AssertionError("abort does not return")


def unary(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Wrap a unary-answer method: an EngineError ends the call with its status, anything else as INTERNAL, logged."""

    @functools.wraps(method)
    async def call(self: Any, request: Any, context: grpc.aio.ServicerContext) -> Any:
        try:
            return await method(self, request, context)
        except EngineError as error:
            await abort(context, error, self.reasons)
        except (grpc.aio.AbortError, grpc.RpcError):
            raise
        except Exception:
            _LOG.exception("%s failed", method.__name__)
            await abort(context, EngineError("the service failed on this call: its log has the cause"), self.reasons)

    return call


def streaming(method: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    """Wrap a stream-answer method like ``unary``."""

    @functools.wraps(method)
    async def call(self: Any, request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        try:
            async for answer in method(self, request, context):
                yield answer
        except EngineError as error:
            await abort(context, error, self.reasons)
        except (grpc.aio.AbortError, grpc.RpcError):
            raise
        except Exception:
            _LOG.exception("%s failed", method.__name__)
            await abort(context, EngineError("the service failed on this call: its log has the cause"), self.reasons)

    return call
