"""The error family: every failure Berth reports carries a reason code, a public message and machine-readable details.

The reason codes are those of ``proto/engine/v1/error_reason.proto``, without the ``ERROR_REASON_`` prefix. ``message``
is safe to show to any caller; what only an operator may see goes to the log through ``__cause__``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class EngineError(Exception):
    """A failure with a stable reason; subclasses fix the reason and the kind of failure."""

    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, str] = {key: str(value) for key, value in details.items()}


class InvalidRequestError(EngineError):
    """The caller's input can never be right as it stands: a wrong type, a negative size, an unknown field."""

    reason = "INVALID_REQUEST"


class InvalidHostError(InvalidRequestError):
    """A host record breaks the inventory's rules; nothing of the batch it came in was applied."""

    reason = "INVALID_HOST"


class InvalidFileError(InvalidRequestError):
    """A file is not what its name says: truncated, mistyped, or lacking a column that has no default."""

    reason = "INVALID_FILE"


class InvalidSettingError(InvalidRequestError):
    """A setting is unknown, of the wrong type or out of its range."""

    reason = "INVALID_SETTING"


class LimitExceededError(InvalidRequestError):
    """A message or a batch is larger than the service accepts."""

    reason = "LIMIT_EXCEEDED"


class NotFoundError(EngineError):
    """Something the request names does not exist."""

    reason = "NOT_FOUND"


class UnknownHostError(NotFoundError):
    """No host has this identifier."""

    reason = "UNKNOWN_HOST"


class UnknownFlavorError(NotFoundError):
    """No flavor has this name."""

    reason = "UNKNOWN_FLAVOR"


class UnknownGroupError(NotFoundError):
    """No server group has this uuid."""

    reason = "UNKNOWN_GROUP"


class UnknownAggregateError(NotFoundError):
    """No aggregate has this uuid."""

    reason = "UNKNOWN_AGGREGATE"


class UnknownAllocationError(NotFoundError):
    """No allocation is held by this consumer."""

    reason = "UNKNOWN_ALLOCATION"


class NoValidHostError(EngineError):
    """No host passes every filter; ``rejections`` says how many each filter removed, in order."""

    reason = "NO_VALID_HOST"

    def __init__(
        self, message: str, *, rejections: Mapping[str, int], hosts_total: int, placed: int = 0, **details: object
    ) -> None:
        super().__init__(message, **details)
        self.rejections = dict(rejections)
        self.hosts_total = hosts_total
        self.placed = placed


class ConflictError(EngineError):
    """The request contradicts what is already recorded."""

    reason = "CONFLICT"


class TokenReusedError(ConflictError):
    """The client token was used before, for a different request."""

    reason = "TOKEN_REUSED"


class AllocationExistsError(ConflictError):
    """The consumer already holds an allocation that this request did not make."""

    reason = "ALLOCATION_EXISTS"


class HostInUseError(ConflictError):
    """The host holds allocations, so it cannot be removed without being told to."""

    reason = "HOST_IN_USE"


class GenerationConflictError(ConflictError):
    """The record changed since the caller read it."""

    reason = "GENERATION_CONFLICT"


class LedgerError(EngineError):
    """The durable store refused: nothing of the batch was recorded and nothing was answered."""

    reason = "LEDGER_UNAVAILABLE"


class LedgerLockedError(LedgerError):
    """Another service holds this ledger."""

    reason = "LEDGER_LOCKED"


class LedgerCorruptError(LedgerError):
    """The store's content breaks its own rules; the service will not start on it."""

    reason = "LEDGER_CORRUPT"


class ShuttingDownError(EngineError):
    """The service is draining and takes no new work."""

    reason = "SHUTTING_DOWN"


class BusyError(EngineError):
    """The service works on as much of this kind as it takes on, and as much waits: ask again later."""

    reason = "BUSY"


class ServiceUnavailableError(EngineError):
    """No service answers at the address, or not in time; raised by the client, never sent by the service."""

    reason = "SERVICE_UNAVAILABLE"
