"""Host aggregates, for administrators: sets of hosts with metadata, which make availability zones too."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.aggregate_bodies import Action, Create, Update
from engine.boot.api.aggregate_changes import Change, host_added, host_removed, metadata_set, name_used, updated
from engine.boot.api.deps import Deps
from engine.boot.api.fleet import FleetView
from engine.boot.api.links import PREFIX
from engine.boot.api.scheduler_calls import ask
from engine.boot.api.scheduler_sync import store_and_tell, tell_aggregate
from engine.boot.api.times import micro_text
from engine.boot.api.versioned import minor_of
from engine.boot.store.aggregates import (
    ZONE_KEY,
    AggregateRow,
    add_aggregate,
    aggregate_named,
    change_aggregate,
    get_aggregate,
    list_aggregates,
    remove_aggregate,
)
from engine.boot.store.retired import Kind, retire
from engine.errors import ConflictError, UnknownAggregateError, UnknownHostError
from engine.rest.errors import BadRequest, Conflict, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_UUID_SINCE = 41
_RULE = "os_compute_api:os-aggregates"
_CHANGEABLE = ("name", "metadata", "hosts", "updated_at")


@dataclass(frozen=True)
class _Changed:
    before: AggregateRow
    after: AggregateRow


def _number_of(request: Request) -> int:
    text = request.path_params["number"]
    if not (text.isascii() and text.isdecimal()):
        raise BadRequest("Invalid input received: id must be an integer")
    return int(text[:18])


def _brief(request: Request, aggregate: AggregateRow) -> dict[str, Any]:
    view: dict[str, Any] = {
        "id": aggregate.number,
        "name": aggregate.name,
        "availability_zone": aggregate.zone or None,
        "created_at": micro_text(aggregate.created_at),
        "updated_at": micro_text(aggregate.updated_at),
        "deleted": False,
        "deleted_at": None,
    }
    return view | ({"uuid": aggregate.uuid} if minor_of(request) >= _UUID_SINCE else {})


def _full(request: Request, aggregate: AggregateRow) -> dict[str, Any]:
    return _brief(request, aggregate) | {"hosts": aggregate.hosts, "metadata": aggregate.metadata}


def _found(connection: sa.Connection, number: int) -> AggregateRow:
    aggregate = get_aggregate(connection, number)
    if aggregate is None:
        raise NotFound(f"Aggregate {number} could not be found.")
    return aggregate


def routes(deps: Deps, fleet: FleetView | None = None) -> list[Route]:
    """Return the routes of aggregates; ``fleet`` is the view that others show too."""
    view = fleet or FleetView(deps)
    # one change at a time, so that the scheduler is told of them in the order in which they are stored
    turn = asyncio.Lock()

    async def tell(aggregate: AggregateRow, *, added: str = "") -> None:
        try:
            await tell_aggregate(deps, aggregate, added=added)
        except UnknownHostError as error:
            raise NotFound(f"Compute host {error.details.get('host_id', added)} could not be found.") from error
        except ConflictError as error:
            raise name_used(aggregate.name) from error
        finally:
            view.forget()

    async def change(request: Request, asked: Change, *, added: str = "") -> Response:
        """Change an aggregate in the database and in the scheduler, or in neither, and show it."""
        number = _number_of(request)

        def store(connection: sa.Connection) -> _Changed:
            before = _found(connection, number)
            values = dict(asked(connection, before))
            change_aggregate(connection, number, values)
            return _Changed(before, replace(before, **values))

        def take_back(connection: sa.Connection, changed: _Changed) -> None:
            change_aggregate(connection, number, {name: getattr(changed.before, name) for name in _CHANGEABLE})

        async with turn:
            try:
                changed = await store_and_tell(deps, store, lambda changed: tell(changed.after, added=added), take_back)
            except IntegrityError as error:
                raise Conflict("Another aggregate has this name.") from error
        return json_reply({"aggregate": _full(request, changed.after)})

    async def index(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:index")
        rows = await deps.store.read(list_aggregates)
        return json_reply({"aggregates": [_full(request, row) for row in rows]})

    async def show(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:show")
        number = _number_of(request)
        return json_reply(
            {"aggregate": _full(request, await deps.store.read(lambda connection: _found(connection, number)))}
        )

    async def create(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:create")
        given = (await body_of(request, Create)).aggregate
        metadata = {ZONE_KEY: given.availability_zone} if given.availability_zone else {}

        def store(connection: sa.Connection) -> AggregateRow:
            if aggregate_named(connection, given.name) is not None:
                raise name_used(given.name)
            return add_aggregate(connection, uuid=str(uuid4()), name=given.name, metadata=metadata, now=deps.clock())

        def take_back(connection: sa.Connection, made: AggregateRow) -> None:
            remove_aggregate(connection, made.number)
            retire(connection, Kind.AGGREGATE, made.uuid, now=deps.clock())

        async with turn:
            try:
                made = await store_and_tell(deps, store, tell, take_back)
            except IntegrityError as error:
                raise name_used(given.name) from error
        return json_reply({"aggregate": _brief(request, made)})

    async def update(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:update")
        given = (await body_of(request, Update)).aggregate
        return await change(request, updated(given, await view.look(), deps.clock()))

    async def delete(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:delete")
        number = _number_of(request)

        def check(connection: sa.Connection) -> AggregateRow:
            aggregate = _found(connection, number)
            if aggregate.hosts:
                raise BadRequest(f"Cannot remove aggregate {number}. Reason: Host aggregate is not empty.")
            return aggregate

        def remove(connection: sa.Connection) -> None:
            aggregate = check(connection)
            remove_aggregate(connection, number)
            retire(connection, Kind.AGGREGATE, aggregate.uuid, now=deps.clock())

        async with turn:
            aggregate = await deps.store.read(check)
            # unknown: it was already told that the aggregate is gone
            with suppress(UnknownAggregateError):
                await ask(deps, deps.scheduler.update_aggregates, delete_uuids=[aggregate.uuid])
            await deps.store.write(remove)
            view.forget()
        return empty_reply(200)

    async def act(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:action")
        asked = await body_of(request, Action)
        known, now = await view.look(), deps.clock()
        if asked.add_host is not None:
            host = asked.add_host.host
            return await change(request, host_added(host, known, now), added=host)
        if asked.remove_host is not None:
            return await change(request, host_removed(asked.remove_host.host, known, now))
        return await change(request, metadata_set(asked.metadata, known, now))

    place = f"{PREFIX}/os-aggregates"
    one = f"{place}/{{number}}"
    return [
        Route(place, index, methods=["GET"]),
        Route(place, create, methods=["POST"]),
        Route(one, show, methods=["GET"]),
        Route(one, update, methods=["PUT"]),
        Route(one, delete, methods=["DELETE"]),
        Route(f"{one}/action", act, methods=["POST"]),
    ]
