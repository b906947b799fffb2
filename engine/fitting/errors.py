"""Why a flavor and an image together ask for a guest that cannot be: the errors of engine.fitting."""

from __future__ import annotations

from engine.errors import EngineError, InvalidRequestError


class NumaConstraintError(InvalidRequestError):
    """A flavor and an image contradict each other or themselves; ``nova_exception`` is the class that nova raises."""

    def __init__(self, message: str, *, nova_exception: str, **details: object) -> None:
        super().__init__(message, nova_exception=nova_exception, **details)
        self.nova_exception = nova_exception


class FittingFault(EngineError):  # noqa: N818  (as FilterFault: the fitting broke down on a host, no one reports an error)
    """A host on which nova's own fitting breaks down with ``nova_exception``; raised only with nova's quirks on."""

    reason = "INVALID_REQUEST"

    def __init__(self, message: str, *, nova_exception: str, **details: object) -> None:
        super().__init__(message, nova_exception=nova_exception, **details)
        self.nova_exception = nova_exception
