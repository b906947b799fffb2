"""The projects that a flavor is given to when it is not public."""

from __future__ import annotations

import sqlalchemy as sa
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT, Name
from engine.boot.api.flavor_views import access_view, flavor_for
from engine.boot.api.links import PREFIX
from engine.boot.store.flavors import FlavorRow, change_flavor
from engine.rest.errors import Conflict, NotFound
from engine.rest.replies import json_reply
from engine.rest.request import access_of, body_of


class _Tenant(BaseModel):
    model_config = STRICT

    tenant: Name


class _Action(BaseModel):
    model_config = STRICT

    add: _Tenant | None = Field(default=None, alias="addTenantAccess")
    remove: _Tenant | None = Field(default=None, alias="removeTenantAccess")

    @model_validator(mode="after")
    def _one(self) -> _Action:
        if (self.add is None) == (self.remove is None):
            raise ValueError("give addTenantAccess or removeTenantAccess")
        return self


def routes(deps: Deps) -> list[Route]:
    """Return the routes of flavor access."""

    async def index(request: Request) -> Response:
        access, flavor_id = access_of(request), request.path_params["flavor_id"]
        access.require_admin("os_compute_api:os-flavor-access")
        flavor = await deps.store.read(lambda connection: flavor_for(connection, access, flavor_id))
        if flavor.is_public:
            raise NotFound("Access list not available for public flavors.")
        return json_reply(access_view(flavor))

    async def act(request: Request) -> Response:
        access, flavor_id = access_of(request), request.path_params["flavor_id"]
        access.require_admin("os_compute_api:os-flavor-access:add_tenant_access")
        action = await body_of(request, _Action)

        def change(connection: sa.Connection) -> FlavorRow:
            flavor = flavor_for(connection, access, flavor_id)
            projects = _with(flavor, action.add.tenant) if action.add else _without(flavor, action.remove)
            change_flavor(connection, flavor_id, {"projects": projects})
            return flavor_for(connection, access, flavor_id)

        return json_reply(access_view(await deps.store.write(change)))

    one = f"{PREFIX}/flavors/{{flavor_id}}"
    return [
        Route(f"{one}/os-flavor-access", index, methods=["GET"]),
        Route(f"{one}/action", act, methods=["POST"]),
    ]


def _with(flavor: FlavorRow, project_id: str) -> list[str]:
    if flavor.is_public:
        raise Conflict("Can not add access to a public flavor.")
    if project_id in flavor.projects:
        raise Conflict(
            f"Flavor access already exists for flavor {flavor.flavor_id} and project {project_id} combination."
        )
    return [*flavor.projects, project_id]


def _without(flavor: FlavorRow, tenant: _Tenant | None) -> list[str]:
    project_id = tenant.tenant if tenant else ""
    if project_id not in flavor.projects:
        raise NotFound(f"Flavor access not found for {flavor.flavor_id} / {project_id} combination.")
    return [project for project in flavor.projects if project != project_id]
