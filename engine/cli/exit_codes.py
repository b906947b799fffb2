"""What the command's exit code says."""

from __future__ import annotations

from enum import IntEnum

from engine.errors import (
    BusyError,
    ConflictError,
    EngineError,
    InvalidRequestError,
    LedgerCorruptError,
    LedgerError,
    NotFoundError,
    NoValidHostError,
    ServiceUnavailableError,
    ShuttingDownError,
)


class ExitCode(IntEnum):
    """The exit codes, as documented by ``berth --help``."""

    DONE = 0
    REFUSED = 1
    INVALID = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNAVAILABLE = 5
    INTERNAL = 6


_CODES: tuple[tuple[type[EngineError], ExitCode], ...] = (
    (NoValidHostError, ExitCode.REFUSED),
    (InvalidRequestError, ExitCode.INVALID),
    (NotFoundError, ExitCode.NOT_FOUND),
    (ConflictError, ExitCode.CONFLICT),
    # Before its base class: waiting does not mend a broken store.
    (LedgerCorruptError, ExitCode.INTERNAL),
    (LedgerError, ExitCode.UNAVAILABLE),
    (ShuttingDownError, ExitCode.UNAVAILABLE),
    (BusyError, ExitCode.UNAVAILABLE),
    (ServiceUnavailableError, ExitCode.UNAVAILABLE),
)

HELP = (
    "Exit codes: 0 done; 1 refused (no valid host, or an audit found differences); 2 usage or invalid input; "
    "3 not found; 4 conflict with what is recorded; 5 service unreachable or unavailable; 6 internal error."
)


def exit_code(error: EngineError) -> ExitCode:
    """Returns the exit code of a failure."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.INTERNAL)
