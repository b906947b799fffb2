"""Flavors: the shapes that servers are made in, listed for all and kept by administrators."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Annotated
from uuid import uuid4

import sqlalchemy as sa
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api import flavor_access, flavor_extra_specs
from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT, Flag, Name, PositiveSize, Size, Text, boolean_of
from engine.boot.api.flavor_views import brief_view, flavor_for, full_view, may_use, sees_all, unknown_flavor
from engine.boot.api.links import PREFIX, linked_page
from engine.boot.api.scheduler_calls import ask
from engine.boot.api.scheduler_sync import store_and_tell, tell_flavor
from engine.boot.api.versioned import check_query, minor_of, only_between
from engine.boot.store.flavors import (
    FlavorRow,
    add_flavor,
    change_flavor,
    flavor_named,
    get_flavor,
    list_flavors,
    remove_flavor,
)
from engine.boot.store.retired import Kind, retire, unretire
from engine.errors import UnknownFlavorError
from engine.rest.access import Access
from engine.rest.errors import BadRequest, Conflict
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_QUERY = ("limit", "marker", "is_public", "minRam", "minDisk", "sort_key", "sort_dir")
_DESCRIPTION_SINCE = 55
_SORT_KEYS = {
    "created_at": "created_at",
    "description": "description",
    "disabled": "disabled",
    "ephemeral_gb": "ephemeral_gb",
    "flavorid": "flavor_id",
    "id": "flavor_id",
    "is_public": "is_public",
    "memory_mb": "memory_mb",
    "name": "name",
    "root_gb": "root_gb",
    "rxtx_factor": "rxtx_factor",
    "swap": "swap_mb",
    "updated_at": "created_at",
    "vcpus": "vcpus",
}


def _id_text(value: object) -> object:
    """Return an id that was given as a number as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18 else value


def _factor(value: object) -> object:
    """Return a factor that was given as text as a number."""
    if isinstance(value, str) and len(value) <= 32:
        try:
            return float(value)
        except ValueError:
            return value
    return float(value) if isinstance(value, int) and not isinstance(value, bool) and value < 10**18 else value


FlavorId = Annotated[
    str,
    BeforeValidator(_id_text),
    StringConstraints(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._-]([A-Za-z0-9. _-]*[A-Za-z0-9._-])?$"),
]


class _Flavor(BaseModel):
    model_config = STRICT

    name: Name
    vcpus: PositiveSize
    ram: PositiveSize
    disk: Size
    id: FlavorId | None = None
    swap: Size = 0
    ephemeral: Size = Field(default=0, alias="OS-FLV-EXT-DATA:ephemeral")
    rxtx_factor: Annotated[float, BeforeValidator(_factor), Field(gt=0, le=3.4e38)] = 1.0
    is_public: Flag = Field(default=True, alias="os-flavor-access:is_public")
    description: Text | None = None


class _Create(BaseModel):
    model_config = STRICT

    flavor: _Flavor


class _Description(BaseModel):
    model_config = STRICT

    description: Text | None


class _Update(BaseModel):
    model_config = STRICT

    flavor: _Description


def _least(request: Request, name: str) -> int:
    """Return a lower bound of the query; raise BadRequest for what is no number."""
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.removeprefix("-").isdecimal()) or len(text) > 20:
        raise BadRequest(f"Invalid {name} filter [{text[:100]}]")
    return int(text)


def _wanted_public(request: Request) -> bool | None:
    """Return whether public flavors are wanted, others, or (None) all."""
    text = request.query_params.get("is_public")
    if text is None:
        return True
    if text.lower() == "none":
        return None
    value = boolean_of(text)
    if not isinstance(value, bool):
        raise BadRequest(f"Invalid is_public filter [{text[:100]}]")
    return value


def _selected(request: Request, access: Access, flavors: list[FlavorRow]) -> list[FlavorRow]:
    """Return the flavors that the query asks for, in its order."""
    public = _wanted_public(request) if sees_all(access) else True
    least_ram, least_disk = _least(request, "minRam"), _least(request, "minDisk")
    key = request.query_params.get("sort_key", "flavorid")
    direction = request.query_params.get("sort_dir", "asc")
    if key not in _SORT_KEYS or direction not in ("asc", "desc"):
        raise BadRequest(f"Invalid input for query parameters sort_key or sort_dir: {key[:100]} {direction[:100]}")
    found = [
        flavor
        for flavor in flavors
        if flavor.memory_mb >= least_ram
        and flavor.root_gb >= least_disk
        and (public is None or flavor.is_public is public or (public and may_use(access, flavor)))
        and (not flavor.disabled or sees_all(access))
    ]
    found.sort(key=lambda flavor: getattr(flavor, _SORT_KEYS[key]), reverse=direction == "desc")
    return found


def routes(deps: Deps) -> list[Route]:
    """Return the routes of flavors, of the projects they are given to, and of their extra specs."""

    async def listing(request: Request, *, detail: bool) -> Response:
        check_query(request, _QUERY)
        view = full_view if detail else brief_view
        flavors = _selected(request, access_of(request), await deps.store.read(list_flavors))
        page, links = linked_page(request, flavors, lambda flavor: flavor.flavor_id, "flavors")
        return json_reply({"flavors": [view(request, flavor) for flavor in page]} | links)

    async def index(request: Request) -> Response:
        return await listing(request, detail=False)

    async def detail(request: Request) -> Response:
        return await listing(request, detail=True)

    async def show(request: Request) -> Response:
        access, flavor_id = access_of(request), request.path_params["flavor_id"]
        flavor = await deps.store.read(lambda connection: flavor_for(connection, access, flavor_id))
        return json_reply({"flavor": full_view(request, flavor)})

    async def create(request: Request) -> Response:
        access_of(request).require_admin("os_compute_api:os-flavor-manage:create")
        given = (await body_of(request, _Create)).flavor
        if given.description is not None and minor_of(request) < _DESCRIPTION_SINCE:
            raise BadRequest("Additional properties are not allowed ('description' was unexpected)")
        flavor = _row(given, deps.clock())

        def store(connection: sa.Connection) -> FlavorRow:
            if flavor_named(connection, flavor.name) is not None:
                raise Conflict(f"Flavor with name {flavor.name} already exists.")
            if get_flavor(connection, flavor.flavor_id) is not None:
                raise Conflict(f"Flavor with ID {flavor.flavor_id} already exists.")
            unretire(connection, Kind.FLAVOR, [flavor.name])
            add_flavor(connection, flavor)
            return flavor

        def take_back(connection: sa.Connection, flavor: FlavorRow) -> None:
            remove_flavor(connection, flavor.flavor_id)
            retire(connection, Kind.FLAVOR, flavor.name, now=deps.clock())

        try:
            await store_and_tell(deps, store, lambda made: tell_flavor(deps, made), take_back)
        except IntegrityError as error:
            raise Conflict(f"Flavor with name {flavor.name} already exists.") from error
        return json_reply({"flavor": full_view(request, flavor)})

    async def update(request: Request) -> Response:
        access = access_of(request)
        only_between(request, _DESCRIPTION_SINCE)
        access.require_admin("os_compute_api:os-flavor-manage:update")
        given = (await body_of(request, _Update)).flavor
        flavor_id = request.path_params["flavor_id"]

        def store(connection: sa.Connection) -> FlavorRow:
            flavor = flavor_for(connection, access, flavor_id)
            change_flavor(connection, flavor_id, {"description": given.description or ""})
            return replace(flavor, description=given.description or "")

        return json_reply({"flavor": full_view(request, await deps.store.write(store))})

    async def delete(request: Request) -> Response:
        access = access_of(request)
        access.require_admin("os_compute_api:os-flavor-manage:delete")
        flavor_id = request.path_params["flavor_id"]
        flavor = await deps.store.read(lambda connection: flavor_for(connection, access, flavor_id))
        # unknown: it was never told of it, or was already told that it is gone
        with suppress(UnknownFlavorError):
            await ask(deps, deps.scheduler.update_flavors, delete_names=[flavor.name])

        def store(connection: sa.Connection) -> None:
            if not remove_flavor(connection, flavor_id):
                raise unknown_flavor(flavor_id)
            retire(connection, Kind.FLAVOR, flavor.name, now=deps.clock())

        await deps.store.write(store)
        return empty_reply(202)

    place = f"{PREFIX}/flavors"
    one = f"{place}/{{flavor_id}}"
    return [
        Route(place, index, methods=["GET"]),
        Route(place, create, methods=["POST"]),
        Route(f"{place}/detail", detail, methods=["GET"]),
        *flavor_access.routes(deps),
        *flavor_extra_specs.routes(deps),
        Route(one, show, methods=["GET"]),
        Route(one, update, methods=["PUT"]),
        Route(one, delete, methods=["DELETE"]),
    ]


def _row(given: _Flavor, now: float) -> FlavorRow:
    return FlavorRow(
        flavor_id=str(uuid4()) if given.id is None or given.id == "auto" else given.id,
        name=given.name,
        vcpus=given.vcpus,
        memory_mb=given.ram,
        root_gb=given.disk,
        ephemeral_gb=given.ephemeral,
        swap_mb=given.swap,
        rxtx_factor=given.rxtx_factor,
        is_public=given.is_public,
        disabled=False,
        description=given.description or "",
        extra_specs={},
        projects=[],
        created_at=now,
    )
