"""What projects used: hours of servers, and of their sizes, in a span of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.links import PREFIX
from engine.boot.api.times import micro_text
from engine.boot.api.versioned import check_query, minor_of
from engine.boot.store.instances import InstanceRow, find_instances
from engine.boot.store.schema import instances
from engine.rest.errors import BadRequest
from engine.rest.paging import limit_of, next_link
from engine.rest.replies import json_reply
from engine.rest.request import access_of

_QUERY = ("start", "end", "detailed", "limit", "marker")
_PAGES_SINCE = 40
_FOUR_WEEKS_S = 28 * 86_400.0
_HOUR_S = 3_600.0
_RULE = "os_compute_api:os-simple-tenant-usage"


@dataclass(frozen=True)
class _Span:
    """From ``start`` to ``stop``, seconds since 1970 UTC; ``now`` is when it is asked for."""

    start: float
    stop: float
    now: float

    def hours_of(self, row: InstanceRow) -> float:
        """Return how long an instance ran within the span."""
        if row.launched_at is None:
            return 0.0
        ended = row.terminated_at if row.terminated_at is not None else self.now
        return max(0.0, min(self.stop, ended) - max(self.start, row.launched_at)) / _HOUR_S


def _time(text: str) -> float:
    """Return a time of the query; raise BadRequest for what is none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"Datetime is in invalid format: {text[:100]}") from error
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _span(request: Request, now: float) -> _Span:
    """Return the span that the query asks for: the last four weeks unless it says."""
    start, end = request.query_params.get("start"), request.query_params.get("end")
    stop = _time(end) if end else now
    begin = _time(start) if start else stop - _FOUR_WEEKS_S
    if begin > stop:
        raise BadRequest("Invalid start time. The start time cannot occur after the end time.")
    return _Span(begin, stop, now)


def _rows(connection: sa.Connection, span: _Span, project_id: str) -> list[InstanceRow]:
    conditions = [
        instances.c.launched_at < span.stop,
        sa.or_(instances.c.terminated_at.is_(None), instances.c.terminated_at > span.start),
    ]
    if project_id:
        conditions.append(instances.c.project_id == project_id)
    return find_instances(connection, *conditions)


def _server_view(row: InstanceRow, span: _Span) -> dict[str, Any]:
    uptime = (row.terminated_at or span.now) - (row.launched_at or span.now)
    return {
        "instance_id": row.uuid,
        "name": row.display_name,
        "hours": span.hours_of(row),
        "flavor": row.flavor.get("name", ""),
        "tenant_id": row.project_id,
        "vcpus": row.flavor.get("vcpus", 0),
        "memory_mb": row.flavor.get("memory_mb", 0),
        "local_gb": _local_gb(row),
        "started_at": micro_text(row.launched_at),
        "ended_at": micro_text(row.terminated_at),
        "state": "terminated" if row.terminated_at is not None else row.vm_state,
        "uptime": int(max(0.0, uptime)),
    }


def _local_gb(row: InstanceRow) -> int:
    return int(row.flavor.get("root_gb", 0)) + int(row.flavor.get("ephemeral_gb", 0))


def _project_view(project_id: str, rows: list[InstanceRow], span: _Span, *, detailed: bool) -> dict[str, Any]:
    hours = [(row, span.hours_of(row)) for row in rows]
    view: dict[str, Any] = {
        "tenant_id": project_id,
        "start": micro_text(span.start),
        "stop": micro_text(span.stop),
        "total_hours": sum(spent for _, spent in hours),
        "total_vcpus_usage": sum(spent * row.flavor.get("vcpus", 0) for row, spent in hours),
        "total_memory_mb_usage": sum(spent * row.flavor.get("memory_mb", 0) for row, spent in hours),
        "total_local_gb_usage": sum(spent * _local_gb(row) for row, spent in hours),
    }
    return view | ({"server_usages": [_server_view(row, span) for row in rows]} if detailed else {})


def _page(request: Request, rows: list[InstanceRow], field: str) -> tuple[list[InstanceRow], dict[str, Any]]:
    """Return the servers of a page, and the link to what follows: pages count servers, whatever their project."""
    if minor_of(request) < _PAGES_SINCE:
        return rows, {}
    rows = sorted(rows, key=lambda row: row.uuid)
    marker = request.query_params.get("marker")
    if marker:
        if all(row.uuid != marker for row in rows):
            raise BadRequest(f"marker [{marker[:100]}] not found")
        rows = [row for row in rows if row.uuid > marker]
    page = rows[: limit_of(request)]
    if len(page) == len(rows) or not page:
        return page, {}
    return page, {f"{field}_links": [{"rel": "next", "href": next_link(request, page[-1].uuid)}]}


def routes(deps: Deps) -> list[Route]:
    """Return the routes of usage."""

    async def index(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:list")
        check_query(request, _QUERY)
        span = _span(request, deps.clock())
        detailed = request.query_params.get("detailed") == "1"
        rows, links = _page(
            request, await deps.store.read(lambda connection: _rows(connection, span, "")), "tenant_usages"
        )
        projects: dict[str, list[InstanceRow]] = {}
        for row in rows:
            projects.setdefault(row.project_id, []).append(row)
        usages = [_project_view(project, mine, span, detailed=detailed) for project, mine in projects.items()]
        return json_reply({"tenant_usages": usages} | links)

    async def show(request: Request) -> Response:
        access, project_id = access_of(request), request.path_params["project_id"]
        if project_id != access.project_id:
            access.require_admin(f"{_RULE}:show")
        check_query(request, _QUERY)
        span = _span(request, deps.clock())
        found = await deps.store.read(lambda connection: _rows(connection, span, project_id))
        rows, links = _page(request, found, "tenant_usage")
        view = _project_view(project_id, rows, span, detailed=True) if rows else {}
        return json_reply({"tenant_usage": view} | links)

    place = f"{PREFIX}/os-simple-tenant-usage"
    return [
        Route(place, index, methods=["GET"]),
        Route(f"{place}/{{project_id}}", show, methods=["GET"]),
    ]
