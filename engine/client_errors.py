"""The way back from a call's status to the EngineError that the service raised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from google.rpc import error_details_pb2

from engine.errors import (
    ConflictError,
    EngineError,
    InvalidRequestError,
    LimitExceededError,
    NotFoundError,
    NoValidHostError,
    ServiceUnavailableError,
)
from engine.v1.selection_pb2 import RejectionSummary

if TYPE_CHECKING:
    from google.rpc.status_pb2 import Status

ERROR_DOMAIN = "berth"

_CLASS_OF_CODE: dict[str, type[EngineError]] = {
    "INVALID_ARGUMENT": InvalidRequestError,
    "RESOURCE_EXHAUSTED": LimitExceededError,
    "NOT_FOUND": NotFoundError,
    "FAILED_PRECONDITION": ConflictError,
    "ALREADY_EXISTS": ConflictError,
    "ABORTED": ConflictError,
}
"""For a status that carries no reason of Berth's own, as when gRPC itself refuses a message."""


def engine_error(code: str, text: str, status: Status | None, *, target: str, timeout_s: float | None) -> EngineError:
    """Returns the error a status stands for: ``code`` is its name, ``text`` its message, ``status`` any details."""
    if status is not None:
        known = _from_details(status)
        if known is not None:
            return known
    if code == "UNAVAILABLE":
        return ServiceUnavailableError(f"no service answers at {target}: {text}", target=target)
    if code == "DEADLINE_EXCEEDED":
        waited = "in time" if timeout_s is None else f"within {timeout_s:g} s"
        return ServiceUnavailableError(f"the service at {target} did not answer {waited}", target=target)
    if code == "CANCELLED":
        return ServiceUnavailableError(f"the call to {target} was ended before its answer: {text}", target=target)
    if code == "UNIMPLEMENTED":
        return EngineError(
            f"what listens at {target} does not know this call: it is not Berth, or of another version", target=target
        )
    return _CLASS_OF_CODE.get(code, EngineError)(text or f"the call failed with {code}", status=code)


def _from_details(status: Status) -> EngineError | None:
    """Returns the error named by the status's ErrorInfo; None when it has none of Berth's, or one of a newer Berth."""
    info = error_details_pb2.ErrorInfo()
    summary = RejectionSummary()
    for detail in status.details:
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(summary.DESCRIPTOR):
            detail.Unpack(summary)
    if info.domain != ERROR_DOMAIN:
        return None
    if info.reason == NoValidHostError.reason:
        rejections = {rejection.filter: rejection.hosts_removed for rejection in summary.rejections}
        error: EngineError = NoValidHostError(
            status.message, rejections=rejections, hosts_total=summary.hosts_total, placed=summary.instances_placed
        )
    else:
        kind = next((kind for kind in _family(EngineError) if kind.reason == info.reason), None)
        if kind is None:
            return None
        error = kind(status.message)
    error.details = dict(info.metadata)
    return error


def _family(kind: type[EngineError]) -> Iterator[type[EngineError]]:
    """Yields a class and every class below it."""
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)
