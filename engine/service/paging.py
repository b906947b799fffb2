"""Pages of a listing: where one starts and how long it is."""

from __future__ import annotations

from engine.errors import InvalidRequestError
from engine.model.limits import check_amount

DEFAULT_PAGE = 1000
MAX_PAGE = 10_000
_TOKEN_DIGITS = 18


def page_bounds(token: str, size: int) -> tuple[int, int]:
    """Return (first place, length) of the page that a token and a size ask for; raise InvalidRequestError."""
    check_amount("page_size", size, 0, MAX_PAGE)
    if token and not (token.isascii() and token.isdecimal() and len(token) <= _TOKEN_DIGITS):
        raise InvalidRequestError("page_token is not one this service gave: start again without it", field="page_token")
    return int(token or 0), size or DEFAULT_PAGE


def page_token(place: int) -> str:
    """Return the token of the page that starts at a place."""
    return str(place)
