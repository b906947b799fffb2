"""What a list of servers is narrowed by: the query's parameters as conditions on records."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa
from starlette.requests import Request

from engine.boot.api.field_types import boolean_of
from engine.boot.api.name_filter import is_harmless, name_matches
from engine.boot.api.versioned import check_query
from engine.boot.states import TaskState, VmState, status_of
from engine.boot.store.instances import InstanceRow
from engine.boot.store.schema import instances
from engine.rest.access import Access
from engine.rest.errors import BadRequest, Forbidden
from engine.rest.request import access_of

_TABLE = instances.c
_EQUAL = {
    "image": _TABLE.image_id,
    "flavor": _TABLE.flavor_id,
    "user_id": _TABLE.user_id,
    "reservation_id": _TABLE.reservation_id,
    "key_name": _TABLE.key_name,
    "hostname": _TABLE.hostname,
    "vm_state": _TABLE.vm_state,
    "task_state": _TABLE.task_state,
    "availability_zone": _TABLE.availability_zone,
    "uuid": _TABLE.uuid,
    "description": _TABLE.description,
    "root_device_name": _TABLE.root_device_name,
}
_ADMINS = {"host": _TABLE.host, "node": _TABLE.host, "hypervisor_hostname": _TABLE.host}
_NUMBERS = {"power_state": _TABLE.power_state, "launch_index": _TABLE.launch_index}
_TAGS = ("tags", "tags-any", "not-tags", "not-tags-any")
KNOWN = frozenset(
    (
        *_EQUAL, *_ADMINS, *_NUMBERS, *_TAGS, "name", "display_name", "status", "all_tenants", "deleted",
        "changes-since", "changes-before", "ip", "ip6", "project_id", "tenant_id", "locked", "config_drive",
        "limit", "marker", "sort_key", "sort_dir", "soft_deleted", "progress", "created_at", "launched_at",
        "terminated_at", "access_ip_v4", "access_ip_v6", "display_description", "image_ref", "instance_type_id",
        "kernel_id", "ramdisk_id", "locked_by", "minDisk", "minRam",
    )
)  # fmt: skip
_SORT_KEYS: dict[str, sa.ColumnElement[object]] = {
    "created_at": _TABLE.created_at,
    "updated_at": _TABLE.updated_at,
    "launched_at": sa.func.coalesce(_TABLE.launched_at, 0.0),
    "terminated_at": sa.func.coalesce(_TABLE.terminated_at, 0.0),
    "display_name": _TABLE.display_name,
    "name": _TABLE.display_name,
    "hostname": _TABLE.hostname,
    "host": _TABLE.host,
    "node": _TABLE.host,
    "vm_state": _TABLE.vm_state,
    "task_state": _TABLE.task_state,
    "power_state": _TABLE.power_state,
    "availability_zone": _TABLE.availability_zone,
    "project_id": _TABLE.project_id,
    "user_id": _TABLE.user_id,
    "uuid": _TABLE.uuid,
    "image_ref": _TABLE.image_id,
    "instance_type_id": _TABLE.flavor_id,
    "key_name": _TABLE.key_name,
    "launch_index": _TABLE.launch_index,
    "root_device_name": _TABLE.root_device_name,
    "locked_by": _TABLE.locked_by,
}

Predicate = Callable[[InstanceRow], bool]


@dataclass(frozen=True)
class ServerQuery:
    """Whose servers, which of them by SQL and by what only a record's JSON can answer, in which order.

    In ``order`` True stands for descending.
    """

    scope: tuple[sa.ColumnElement[bool], ...]
    conditions: tuple[sa.ColumnElement[bool], ...]
    predicates: tuple[Predicate, ...] = ()
    order: tuple[tuple[sa.ColumnElement[object], bool], ...] = field(default_factory=tuple)


def query_of(request: Request) -> ServerQuery:
    """Return what the request's parameters ask for; raise BadRequest or Forbidden.

    Filters that are for administrators are ignored when others give them, as nova does.
    """
    check_query(request, KNOWN)
    access, asked = access_of(request), request.query_params
    conditions = _lifetimes(request, access)
    for name, column in (_EQUAL | (_ADMINS if access.is_admin else {})).items():
        values = asked.getlist(name)
        if values:
            conditions.append(column.in_([_id_of(name, value) for value in values]))
    for name, column in _NUMBERS.items():
        if name in asked:
            conditions.append(column == _number(name, asked[name]))
    for name in ("name", "display_name"):
        if name in asked:
            conditions.append(name_matches(_TABLE.display_name, asked[name]))
    if "status" in asked:
        conditions.append(_status(asked.getlist("status"), access))
    for name, column in (("locked", _TABLE.locked), ("config_drive", _TABLE.config_drive)):
        if name in asked:
            conditions.append(column.is_(_flag(name, asked[name])))
    scope = tuple(_projects(request, access))
    return ServerQuery(scope, tuple(conditions), tuple(_predicates(request)), _order(request))


def _projects(request: Request, access: Access) -> list[sa.ColumnElement[bool]]:
    """Return whose servers are listed: the caller's project's, or an administrator's choice."""
    asked = request.query_params
    project = asked.get("project_id", asked.get("tenant_id"))
    if "all_tenants" in asked and _flag("all_tenants", asked["all_tenants"] or "1"):
        if not (access.is_admin or "service" in access.roles):
            rule = "detail" if request.url.path.endswith("detail") else "index"
            raise Forbidden(f"Policy doesn't allow os_compute_api:servers:{rule}:get_all_tenants to be performed.")
        return [_TABLE.project_id == project] if project else []
    if project and access.is_admin:
        return [_TABLE.project_id == project]
    return [_TABLE.project_id == access.project_id]


def _lifetimes(request: Request, access: Access) -> list[sa.ColumnElement[bool]]:
    """Return conditions on deletion and on the last change."""
    asked = request.query_params
    conditions: list[sa.ColumnElement[bool]] = []
    since, before = asked.get("changes-since"), asked.get("changes-before")
    if since is not None:
        conditions.append(_TABLE.updated_at >= _time("changes-since", since))
    if before is not None:
        conditions.append(_TABLE.updated_at <= _time("changes-before", before))
    if "deleted" in asked and access.is_admin:
        conditions.append(_TABLE.deleted.is_(_flag("deleted", asked["deleted"])))
    elif since is None and not _wants_deleted(asked.getlist("status")):
        conditions.append(_TABLE.deleted.is_(False))
    return conditions


def _wants_deleted(statuses: list[str]) -> bool:
    return any(status.upper() in ("DELETED", "SOFT_DELETED") for status in statuses)


def _status(statuses: list[str], access: Access) -> sa.ColumnElement[bool]:
    """Return the condition that a server shows one of these statuses; none does for an unknown one."""
    wanted = {status.upper() for status in statuses}
    if _wants_deleted(statuses) and not access.is_admin:
        raise Forbidden("Only administrators may list deleted servers")
    alternatives = [
        sa.and_(_TABLE.vm_state == vm_state.value, _TABLE.task_state == task_state.value)
        for vm_state in VmState
        for task_state in TaskState
        if status_of(vm_state, task_state) in wanted
    ]
    return sa.or_(sa.false(), *alternatives)


def _predicates(request: Request) -> list[Predicate]:
    """Return the conditions on addresses and tags."""
    asked = request.query_params
    found: list[Predicate] = []
    for name, version in (("ip", 4), ("ip6", 6)):
        if name in asked:
            found.append(_address_matches(asked[name], version))
    for name in _TAGS:
        if name in asked:
            wanted = {tag for tag in asked[name].split(",") if tag}
            found.append(_tags_match(name, wanted))
    return found


def _address_matches(text: str, version: int) -> Predicate:
    pattern = re.compile(text if is_harmless(text) else re.escape(text))
    mark = ":" if version == 6 else "."

    def matches(row: InstanceRow) -> bool:
        addresses = (entry["address"] for interface in row.interfaces for entry in interface.get("addresses", ()))
        return any(mark in address and pattern.search(address) for address in addresses)

    return matches


def _tags_match(name: str, wanted: set[str]) -> Predicate:
    tests: dict[str, Predicate] = {
        "tags": lambda row: wanted <= set(row.tags),
        "tags-any": lambda row: bool(wanted & set(row.tags)),
        "not-tags": lambda row: not wanted <= set(row.tags),
        "not-tags-any": lambda row: not wanted & set(row.tags),
    }
    return tests[name]


def _order(request: Request) -> tuple[tuple[sa.ColumnElement[object], bool], ...]:
    """Return the sort columns; the newest comes first unless the query says otherwise."""
    keys = request.query_params.getlist("sort_key")
    directions = request.query_params.getlist("sort_dir")
    unknown = next((key for key in keys if key not in _SORT_KEYS), None)
    if unknown is not None:
        raise BadRequest(f"Sort key supplied is invalid: {unknown[:100]}")
    wrong = next((direction for direction in directions if direction not in ("asc", "desc")), None)
    if wrong is not None:
        raise BadRequest(f"Unknown sort direction, must be 'desc' or 'asc': {wrong[:100]}")
    if not keys:
        keys = ["created_at"]
    last = directions[-1] if directions else "desc"
    padded = directions + [last] * (len(keys) - len(directions))
    return tuple((_SORT_KEYS[key], direction == "desc") for key, direction in zip(keys, padded, strict=False))


def _id_of(name: str, value: str) -> str:
    """Return an id that may have been given as a link."""
    return value.rstrip("/").rpartition("/")[2] if name in ("image", "flavor") else value


def _flag(name: str, text: str) -> bool:
    value = boolean_of(text)
    if isinstance(value, bool):
        return value
    raise BadRequest(f"Invalid input for query parameters {name}. Value: {text[:100]}. It is no 'boolean'")


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadRequest(f"Invalid input for query parameters {name}. Value: {text[:100]}. It is no number")
    return int(text)


def _time(name: str, text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        said = f"Invalid input for query parameters {name}. Value: {text[:100]}. It is no 'date-time'"
        raise BadRequest(said) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
