"""Lists and links in keystone's shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.rest.errors import BadRequest
from engine.rest.replies import json_reply
from engine.rest.request import base_url


def listing_of(request: Request, name: str, items: Sequence[dict[str, Any]]) -> Response:
    """Return a whole list under its name, with the link to itself; keystone gives no pages here."""
    query = f"?{request.url.query}" if request.url.query else ""
    links = {"next": None, "self": f"{base_url(request)}{request.url.path}{query}", "previous": None}
    return json_reply({name: items, "links": links})


def self_link(request: Request, path: str) -> dict[str, str]:
    """Return the links of the thing at a path below ``/v3``."""
    return {"self": f"{base_url(request)}/v3/{path}"}


def flag_in_query(request: Request, name: str) -> bool | None:
    """Return a yes or no of the query, None when it is absent; raise BadRequest for anything else."""
    text = request.query_params.get(name)
    if text is None:
        return None
    match text.lower():
        case "" | "1" | "true" | "yes":
            return True
        case "0" | "false" | "no":
            return False
    raise BadRequest(f"Invalid input for query parameter {name}. Value: {text[:100]!r}. It is true or false.")
