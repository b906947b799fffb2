"""Pages: limit and marker, as OpenStack's list calls take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

from engine.rest.errors import BadRequest
from engine.rest.request import base_url

Item = TypeVar("Item")


def limit_of(request: Request, *, most: int = 1000) -> int:
    """Return how many items a page may hold; raise BadRequest for what is no such number."""
    text = request.query_params.get("limit")
    if text is None:
        return most
    if not text.isdecimal():
        raise BadRequest(
            f"Invalid input for query parameters limit. Value: {text[:100]!r}. It must be a number from 0."
        )
    return min(int(text[:10]), most)


def page_of(request: Request, items: Sequence[Item], id_of: Callable[[Item], str], *, most: int = 1000) -> list[Item]:
    """Return the page after ``marker``; raise BadRequest when nothing listed has the marker."""
    marker = request.query_params.get("marker")
    start = 0
    if marker:
        start = next((index + 1 for index, item in enumerate(items) if id_of(item) == marker), -1)
        if start < 0:
            raise BadRequest(f"marker [{marker[:100]}] not found")
    return list(items[start : start + limit_of(request, most=most)])


def next_link(request: Request, last_id: str) -> str:
    """Return the link to the page after the item ``last_id``, with the same other parameters."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "marker"]
    return f"{base_url(request)}{request.url.path}?{urlencode([*query, ('marker', last_id)])}"
