"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from engine.errors import InvalidRequestError

PAGE_SIZE = 10_000
"""The most records that the service sends in one page."""

Limit = Annotated[int, typer.Option("--limit", min=0, metavar="N", help="How many to show at most; 0 shows all.")]

Record = TypeVar("Record")


def up_to(limit: int, fetch: Callable[[int, str], tuple[list[Record], str]]) -> list[Record]:
    """Returns at most ``limit`` records (0: all); ``fetch`` takes a size and a token, gives a page and the next.

    Raises InvalidRequestError for a negative limit.
    """
    if limit < 0:
        raise InvalidRequestError(f"--limit must be 0 or more, not {limit}")
    records: list[Record] = []
    token = ""
    while True:
        wanted = limit - len(records) if limit else PAGE_SIZE
        page, token = fetch(min(wanted, PAGE_SIZE), token)
        records.extend(page)
        if not token or (limit and len(records) >= limit):
            return records


def shown(count: int, total: int, what: str) -> str:
    """Returns the line below a list."""
    if count < total:
        return f"{count} of {total} {what} shown: --limit 0 shows all"
    return f"{total} {what}"
