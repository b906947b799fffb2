"""Answers: JSON by a fast encoder, and empty ones."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

_ENCODER = msgspec.json.Encoder()


def json_reply(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer with ``content`` as its JSON body."""
    return Response(_ENCODER.encode(content), status, headers, media_type="application/json")


def empty_reply(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer without a body."""
    return Response(None, status, headers)
