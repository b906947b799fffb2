"""Lists of volumes: the filters and the order that cinder's query strings ask for."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, column, func, select
from starlette.datastructures import QueryParams

from engine.cloud.volume.schema import VOLUMES, ZONE
from engine.rest.access import Access
from engine.rest.errors import BadRequest

_NAMES = {"display_name": "name", "volume_type_id": "type_id", "image_id": "image_id", "tenant_id": "project_id"}
_EXACT = frozenset({"id", "name", "status", "source_volid", "host", "user_id", "project_id", "type_id", "image_id"})
_FLAGS = frozenset({"bootable", "multiattach"})
_OTHER = frozenset({"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants", "with_count"})
_SORTABLE = {"created_at": "created_us", "updated_at": "updated_us", "display_name": "name"} | {
    name: name for name in ("id", "name", "status", "size", "bootable", "host", "user_id", "project_id")
}
_TRUE = ("true", "1", "t", "yes", "on")
_FALSE = ("false", "0", "f", "no", "off")
_LONGEST = 10_000


@dataclass(frozen=True)
class ListQuery:
    """What a list was asked for."""

    conditions: tuple[ColumnElement[bool], ...]
    order: tuple[ColumnElement[Any], ...]
    offset: int
    with_count: bool


def list_query(params: QueryParams, access: Access) -> ListQuery:
    """Return what a query string asks for; raise BadRequest for values that cannot be.

    Only administrators and services see other projects' volumes, and those only with ``all_tenants``.
    """
    conditions = []
    if not sees_all(params, access):
        conditions.append(VOLUMES.c.project_id == access.project_id)
    for name, value in params.multi_items():
        if name not in _OTHER:
            conditions += _condition(_NAMES.get(name, name), value)
    offset = params.get("offset", "0")
    if not offset.isdecimal():
        raise BadRequest("Invalid input for query parameters offset. It must be a number from 0.")
    return ListQuery(
        conditions=tuple(conditions),
        order=_order(params),
        offset=int(offset[:10]),
        with_count=flag("with_count", params.get("with_count", "false")),
    )


def sees_all(params: QueryParams, access: Access) -> bool:
    """Whether a list covers all projects: asked for, by somebody who may."""
    asked = flag("all_tenants", params.get("all_tenants") or "false")
    return asked and (access.is_admin or "service" in access.roles)


def flag(name: str, text: str) -> bool:
    """Return the truth a query string's word stands for; raise BadRequest for another word."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise BadRequest(f"Invalid input for query parameters {name}. Value: {text[:100]!r}. It must be true or false.")


def properties_filter(text: str) -> dict[str, str]:
    """Return the properties of a filter such as ``{'k': 'v'}``, as cinder's clients write it; raise BadRequest."""
    try:
        value = ast.literal_eval(text) if len(text) <= _LONGEST else None
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise BadRequest(f"Invalid value of the filter metadata: {text[:100]!r}") from error
    if not isinstance(value, dict):
        raise BadRequest(f"Invalid value of the filter metadata: {text[:100]!r}")
    return {str(name): str(content) for name, content in value.items()}


def _condition(name: str, value: str) -> list[ColumnElement[bool]]:
    if name in _EXACT:
        return [VOLUMES.c[name] == value]
    if name in _FLAGS:
        return [VOLUMES.c[name].is_(flag(name, value))]
    if name == "availability_zone":
        return [] if value == ZONE else [VOLUMES.c.id.is_(None)]
    if name == "name~":
        return [VOLUMES.c.name.contains(value, autoescape=True)]
    if name == "metadata":
        return [_with_property(*pair) for pair in properties_filter(value).items()]
    raise BadRequest(f"Invalid filters {name[:100]} are found in query options.")


def _with_property(name: str, value: str) -> ColumnElement[bool]:
    pairs = func.json_each(VOLUMES.c.properties).table_valued(
        column("key", String), column("value", String), name="property_of_volume"
    )
    return select(pairs.c.key).where(pairs.c.key == name, pairs.c.value == value).exists()


def _order(params: QueryParams) -> tuple[ColumnElement[Any], ...]:
    """Return the order asked for, ended by the id so that it is total; newest first without one."""
    asked = params.get("sort")
    if asked is None:
        asked = f"{params.get('sort_key', 'created_at')}:{params.get('sort_dir', 'desc')}"
    order = []
    for part in asked.split(","):
        key, _, direction = part.strip().partition(":")
        if key not in _SORTABLE or direction not in ("", "asc", "desc"):
            raise BadRequest(f"Invalid input received: sort key or direction {part[:100]!r} is invalid.")
        sorted_by = VOLUMES.c[_SORTABLE[key]]
        order.append(sorted_by.asc() if direction == "asc" else sorted_by.desc())
    return (*order, VOLUMES.c.id.desc())
