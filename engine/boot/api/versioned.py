"""What depends on the microversion of a request: which resources there are, and how strict queries are read."""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request

from engine.rest.errors import BadRequest, NotFound
from engine.rest.request import microversion_of

_STRICT_QUERIES = 75


def minor_of(request: Request) -> int:
    """Return N of the version 2.N that the request speaks."""
    return microversion_of(request).minor


def only_between(request: Request, least: int, most: int = 2**31) -> None:
    """Raise NotFound unless the request speaks a version from 2.least to 2.most: others do not have the resource."""
    if not least <= minor_of(request) <= most:
        raise NotFound("The resource could not be found.")


def check_query(request: Request, known: Collection[str]) -> None:
    """Raise BadRequest for a query parameter that is not ``known``, where the version is that strict (from 2.75)."""
    if minor_of(request) < _STRICT_QUERIES:
        return
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        raise BadRequest(f"Additional properties are not allowed ({unknown[:100]!r} was unexpected)")
