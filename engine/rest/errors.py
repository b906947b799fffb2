"""REST faults: what a handler raises to answer with an error, and how each OpenStack service words it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus


class RestError(Exception):
    """An error answer: ``message`` is shown to the caller; ``kind`` is neutron's exception type where one fits."""

    status: int = 500

    def __init__(
        self, message: str, *, kind: str = "", status: int = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        if status:
            self.status = status
        self.kind = kind
        self.headers = dict(headers or {})


class BadRequest(RestError):  # noqa: N818 (these are named as HTTP names them)
    """400: the request can never be right as it stands."""

    status = 400


class Unauthorized(RestError):  # noqa: N818
    """401: no token, or one that is not valid (any more)."""

    status = 401


class Forbidden(RestError):  # noqa: N818
    """403: the caller's roles or quotas do not allow it."""

    status = 403


class NotFound(RestError):  # noqa: N818
    """404: no such thing, or none that the caller may see."""

    status = 404


class NotAcceptable(RestError):  # noqa: N818
    """406: a microversion outside the range."""

    status = 406


class Conflict(RestError):  # noqa: N818
    """409: the request contradicts the state of what it names."""

    status = 409


class TooLarge(RestError):  # noqa: N818
    """413: more than the service takes in one request, or than a quota of cinder's allows."""

    status = 413


class Unavailable(RestError):  # noqa: N818
    """503: something the service needs cannot be reached; nothing was done."""

    status = 503


FaultFormat = Callable[[RestError], object]
"""Returns the JSON body of an error answer."""

_NOVA_NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}


def title_of(status: int) -> str:
    """Return the standard phrase of a status; a fault rule may ask for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def nova_fault(error: RestError) -> object:
    """Return nova's and cinder's body."""
    return {_NOVA_NAMES.get(error.status, "computeFault"): {"code": error.status, "message": error.message}}


def keystone_fault(error: RestError) -> object:
    """Return keystone's body."""
    return {"error": {"code": error.status, "title": title_of(error.status), "message": error.message}}


def neutron_fault(error: RestError) -> object:
    """Return neutron's body."""
    kind = error.kind or f"HTTP{title_of(error.status).replace(' ', '')}"
    return {"NeutronError": {"type": kind, "message": error.message, "detail": ""}}


def glance_fault(error: RestError) -> object:
    """Return glance's words as JSON: its clients print ``message`` of it."""
    return {
        "message": error.message,
        "code": f"{error.status} {title_of(error.status)}",
        "title": title_of(error.status),
    }
