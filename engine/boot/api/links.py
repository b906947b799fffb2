"""Links to resources and to following pages, as nova writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote

from starlette.requests import Request

from engine.rest.paging import next_link, page_of
from engine.rest.request import base_url

PREFIX = "/v2.1"
"""Where the API's paths begin."""

Item = TypeVar("Item")


def links_of(request: Request, collection: str, name: str) -> list[dict[str, str]]:
    """Return the self and bookmark links of one thing."""
    place = f"{collection}/{quote(name)}"
    base = base_url(request)
    return [
        {"rel": "self", "href": f"{base}{PREFIX}/{place}"},
        {"rel": "bookmark", "href": f"{base}/{place}"},
    ]


def linked_page(
    request: Request, items: Sequence[Item], id_of: Callable[[Item], str], collection: str
) -> tuple[list[Item], dict[str, list[dict[str, str]]]]:
    """Return the page that the query asks for, and the field ``<collection>_links`` where more follow."""
    page = page_of(request, items, id_of)
    if not page or page[-1] is items[-1]:
        return page, {}
    return page, {f"{collection}_links": [{"rel": "next", "href": next_link(request, id_of(page[-1]))}]}
