"""Lists of images: the filters, order and pages that glance's query strings ask for."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, column, func, or_, select
from starlette.datastructures import QueryParams

from engine.cloud.image.schema import IMAGES
from engine.rest.errors import BadRequest

MOST = 1000
_MANY = frozenset({"id", "name", "status", "disk_format", "container_format"})
_EXACT = frozenset({"owner", "checksum", "os_hash_value"})
_NUMBERS = frozenset({"min_disk", "min_ram", "size"})
_FLAGS = frozenset({"protected", "os_hidden"})
_TIMES = {"created_at": "created_us", "updated_at": "updated_us"}
_SORTABLE = {
    name: _TIMES.get(name, name)
    for name in (*sorted(_MANY), "owner", "size", "min_disk", "min_ram", "created_at", "updated_at", "visibility")
}
_NUMERIC = frozenset({"size", "min_disk", "min_ram", "created_us", "updated_us"})
_PAGING = frozenset({"limit", "marker", "sort", "sort_key", "sort_dir", "visibility", "member_status", "tag"})
_COMPARISONS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "eq": lambda left, right: left == right,
    "neq": lambda left, right: left != right,
}


@dataclass(frozen=True)
class ListQuery:
    """What a list was asked for; ``order`` holds columns' names and whether each descends."""

    conditions: tuple[ColumnElement[bool], ...]
    order: tuple[tuple[str, bool], ...]
    limit: int
    marker: str
    visibility: str
    member_status: str


def list_query(params: QueryParams) -> ListQuery:
    """Return what a query string asks for; raise BadRequest for values that cannot be."""
    visibility = params.get("visibility", "")
    if visibility not in ("", "public", "private", "shared", "community", "all"):
        raise BadRequest(f"Invalid visibility value: {visibility[:100]}")
    member_status = params.get("member_status", "accepted")
    if member_status not in ("pending", "accepted", "rejected", "all"):
        raise BadRequest(f"Invalid status: {member_status[:100]}")
    conditions = [_tagged(tag) for tag in params.getlist("tag")]
    if visibility not in ("", "all"):
        conditions.append(IMAGES.c.visibility == visibility)
    conditions += [_condition(name, value) for name, value in params.multi_items() if name not in _PAGING]
    if "os_hidden" not in params:
        conditions.append(IMAGES.c.os_hidden.is_(False))
    limit = params.get("limit", str(MOST))
    if not limit.isdecimal():
        raise BadRequest("limit param must be an integer of at least 0")
    return ListQuery(
        conditions=tuple(conditions),
        order=_order(params),
        limit=min(int(limit[:10]), MOST),
        marker=params.get("marker", ""),
        visibility=visibility,
        member_status=member_status,
    )


def page_statement(query: ListQuery, listed: ColumnElement[bool], marker: Mapping[str, Any] | None) -> Select[Any]:
    """Return the statement for a page that starts after ``marker``, with one row more than the page holds."""
    statement = select(IMAGES).where(listed, *query.conditions)
    if marker is not None:
        statement = statement.where(_after(query.order, marker))
    ordered = [_sorted_by(name).desc() if down else _sorted_by(name).asc() for name, down in query.order]
    return statement.order_by(*ordered).limit(query.limit + 1)


def _order(params: QueryParams) -> tuple[tuple[str, bool], ...]:
    """Return the order asked for, ended by the id so that it is total."""
    asked: list[tuple[str, str]] = []
    if "sort" in params:
        if "sort_key" in params or "sort_dir" in params:
            raise BadRequest("Old and new sorting syntax cannot be combined")
        for part in params["sort"].split(","):
            key, _, direction = part.strip().partition(":")
            asked.append((key, direction or "desc"))
    else:
        directions = params.getlist("sort_dir")
        for index, key in enumerate(params.getlist("sort_key")):
            given = directions[min(index, len(directions) - 1)] if directions else "desc"
            asked.append((key, given))
        if directions and not asked:
            asked = [("created_at", directions[0])]
    order = []
    for key, direction in asked or [("created_at", "desc")]:
        if key not in _SORTABLE or direction not in ("asc", "desc"):
            raise BadRequest(f"Invalid sort key or direction: {key[:50]}:{direction[:50]}")
        order.append((_SORTABLE[key], direction == "desc"))
    return tuple(order) if order[-1][0] == "id" else (*order, ("id", order[-1][1]))


def _sorted_by(name: str) -> ColumnElement[Any]:
    return func.coalesce(IMAGES.c[name], -1 if name in _NUMERIC else "")


def _after(order: tuple[tuple[str, bool], ...], marker: Mapping[str, Any]) -> ColumnElement[bool]:
    """Return the condition for what comes after ``marker`` in the order."""
    alternatives = []
    equal: list[ColumnElement[bool]] = []
    for name, down in order:
        value = marker[name]
        if value is None:
            value = -1 if name in _NUMERIC else ""
        expression = _sorted_by(name)
        alternatives.append(and_(*equal, expression < value if down else expression > value))
        equal.append(expression == value)
    return or_(*alternatives)


def _condition(name: str, value: str) -> ColumnElement[bool]:
    if name in _MANY:
        return IMAGES.c[name].in_(_values(name, value))
    if name in _EXACT:
        return IMAGES.c[name] == value
    if name in _FLAGS:
        if value.lower() not in ("true", "false"):
            raise BadRequest(f"invalid value '{value[:100]}' of {name}: true or false")
        return IMAGES.c[name].is_(value.lower() == "true")
    if name in _NUMBERS:
        return IMAGES.c[name] == _number(name, value)
    if name == "size_min":
        return IMAGES.c.size >= _number(name, value)
    if name == "size_max":
        return IMAGES.c.size <= _number(name, value)
    if name in _TIMES:
        return _when(name, value)
    return _with_property(name, value)


def _values(name: str, value: str) -> list[str]:
    """Return the values of ``in:a,"b,c"``, or the one value."""
    if not value.startswith("in:"):
        return [value]
    try:
        return next(csv.reader([value.removeprefix("in:")], strict=True))
    except (csv.Error, StopIteration) as error:
        raise BadRequest(f"Invalid filter value of {name}: {value[:100]}") from error


def _number(name: str, value: str) -> int:
    if not value.isdecimal() or len(value) > 18:
        raise BadRequest(f"Invalid value of {name}: {value[:100]!r} must be a number from 0")
    return int(value)


def _when(name: str, value: str) -> ColumnElement[bool]:
    """Return the condition of a time such as ``gte:2026-11-22T12:00:00Z``, which is exact to the second."""
    operator, _, text = value.partition(":")
    if operator not in _COMPARISONS:
        operator, text = "eq", value
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"Invalid time value of {name}: {value[:100]}") from error
    seconds = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    return _COMPARISONS[operator](IMAGES.c[_TIMES[name]] // 1_000_000, seconds)


def _tagged(tag: str) -> ColumnElement[bool]:
    tags = func.json_each(IMAGES.c.tags).table_valued("value", name="tag_of_image")
    return select(tags.c.value).where(tags.c.value == tag).exists()


def _with_property(name: str, value: str) -> ColumnElement[bool]:
    pairs = func.json_each(IMAGES.c.properties).table_valued(
        column("key", String), column("value", String), name="property_of_image"
    )
    return select(pairs.c.key).where(pairs.c.key == name, pairs.c.value == value).exists()
