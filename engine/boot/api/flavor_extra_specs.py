"""Extra specs of flavors: what filters and hypervisors read beyond the sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import sqlalchemy as sa
from pydantic import AfterValidator, BaseModel, BeforeValidator, RootModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT, ShortText
from engine.boot.api.flavor_views import flavor_for
from engine.boot.api.links import PREFIX
from engine.boot.api.scheduler_sync import store_and_tell, tell_flavor
from engine.boot.api.server_fields import metadata_key
from engine.boot.store.flavors import FlavorRow, change_flavor
from engine.rest.access import Access
from engine.rest.errors import BadRequest, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of


def _value(value: object) -> object:
    """Return a value that was given as a number as text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Specs = dict[
    Annotated[str, AfterValidator(metadata_key)],
    Annotated[ShortText, BeforeValidator(_value)],
]


class _Create(BaseModel):
    model_config = STRICT

    extra_specs: Specs


class _Update(RootModel[Specs]):
    pass


def routes(deps: Deps) -> list[Route]:
    """Return the routes of extra specs."""

    async def read(request: Request) -> FlavorRow:
        access, flavor_id = access_of(request), request.path_params["flavor_id"]
        return await deps.store.read(lambda connection: flavor_for(connection, access, flavor_id))

    async def write(access: Access, flavor_id: str, change: Callable[[FlavorRow], dict[str, str]]) -> None:
        """Make a flavor's extra specs what ``change`` makes of them."""

        def store(connection: sa.Connection) -> tuple[FlavorRow, FlavorRow]:
            before = flavor_for(connection, access, flavor_id)
            change_flavor(connection, flavor_id, {"extra_specs": change(before)})
            return before, flavor_for(connection, access, flavor_id)

        def take_back(connection: sa.Connection, pair: tuple[FlavorRow, FlavorRow]) -> None:
            change_flavor(connection, flavor_id, {"extra_specs": pair[0].extra_specs})

        await store_and_tell(deps, store, lambda pair: tell_flavor(deps, pair[1]), take_back)

    async def index(request: Request) -> Response:
        return json_reply({"extra_specs": (await read(request)).extra_specs})

    async def show(request: Request) -> Response:
        flavor, key = await read(request), request.path_params["key"]
        if key not in flavor.extra_specs:
            raise _unknown(flavor, key)
        return json_reply({key: flavor.extra_specs[key]})

    async def create(request: Request) -> Response:
        access = access_of(request)
        access.require_admin("os_compute_api:os-flavor-extra-specs:create")
        given = (await body_of(request, _Create)).extra_specs
        await write(access, request.path_params["flavor_id"], lambda flavor: flavor.extra_specs | given)
        return json_reply({"extra_specs": given})

    async def update(request: Request) -> Response:
        access = access_of(request)
        access.require_admin("os_compute_api:os-flavor-extra-specs:update")
        given = (await body_of(request, _Update)).root
        if list(given) != [request.path_params["key"]]:
            raise BadRequest("Request body and URI mismatch")
        await write(access, request.path_params["flavor_id"], lambda flavor: flavor.extra_specs | given)
        return json_reply(given)

    async def delete(request: Request) -> Response:
        access, key = access_of(request), request.path_params["key"]
        access.require_admin("os_compute_api:os-flavor-extra-specs:delete")

        def without(flavor: FlavorRow) -> dict[str, str]:
            if key not in flavor.extra_specs:
                raise _unknown(flavor, key)
            return {name: value for name, value in flavor.extra_specs.items() if name != key}

        await write(access, request.path_params["flavor_id"], without)
        return empty_reply(200)

    place = f"{PREFIX}/flavors/{{flavor_id}}/os-extra_specs"
    return [
        Route(place, index, methods=["GET"]),
        Route(place, create, methods=["POST"]),
        Route(f"{place}/{{key}}", show, methods=["GET"]),
        Route(f"{place}/{{key}}", update, methods=["PUT"]),
        Route(f"{place}/{{key}}", delete, methods=["DELETE"]),
    ]


def _unknown(flavor: FlavorRow, key: str) -> NotFound:
    return NotFound(f"Flavor {flavor.flavor_id} has no extra specs with key {key}.")
