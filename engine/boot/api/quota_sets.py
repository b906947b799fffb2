"""Quota sets: what a project may have, shown to its users and set by administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT, Flag, Name, QuotaLimit
from engine.boot.api.links import PREFIX
from engine.boot.api.quota_figures import defaults_of, resources_of, usage_of_project
from engine.boot.store.quotas import own_limits, remove_limits, set_limits
from engine.rest.errors import BadRequest, Forbidden, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_RULE = "os_compute_api:os-quota-sets"


class _QuotaSet(BaseModel):
    model_config = STRICT

    tenant_id: Name | None = None
    force: Flag = False
    instances: QuotaLimit | None = None
    cores: QuotaLimit | None = None
    ram: QuotaLimit | None = None
    key_pairs: QuotaLimit | None = None
    metadata_items: QuotaLimit | None = None
    server_groups: QuotaLimit | None = None
    server_group_members: QuotaLimit | None = None
    injected_files: QuotaLimit | None = None
    injected_file_content_bytes: QuotaLimit | None = None
    injected_file_path_bytes: QuotaLimit | None = None
    fixed_ips: QuotaLimit | None = None
    floating_ips: QuotaLimit | None = None
    security_groups: QuotaLimit | None = None
    security_group_rules: QuotaLimit | None = None
    networks: QuotaLimit | None = None


class _Update(BaseModel):
    model_config = STRICT

    quota_set: _QuotaSet


def _shown_to(request: Request, project_id: str) -> None:
    """Raise Forbidden when the caller may not see a project's quota."""
    if not access_of(request).sees(project_id):
        raise Forbidden(f"Policy doesn't allow {_RULE}:show to be performed.")


def _given_limits(request: Request, given: _QuotaSet) -> dict[str, int]:
    """Return the limits of a body; raise BadRequest for a resource that the version does not have."""
    known = resources_of(request)
    limits = given.model_dump(exclude={"tenant_id", "force"}, exclude_none=True)
    unknown = next((name for name in limits if name not in known), None)
    if unknown is not None:
        raise BadRequest(f"Additional properties are not allowed ({unknown!r} was unexpected)")
    return limits


def _check_usage(limits: Mapping[str, int], usage: Mapping[str, int]) -> None:
    """Raise BadRequest for a limit below what is used."""
    for name, limit in limits.items():
        used = usage.get(name, 0)
        if 0 <= limit < used:
            raise BadRequest(
                f"Quota limit {limit} for {name} must be greater than or equal to already used and reserved {used}."
            )


def routes(deps: Deps) -> list[Route]:
    """Return the routes of quota sets, and of the one quota class there is: the defaults."""
    options = deps.settings.boot.quotas

    async def limits_for(request: Request, project_id: str) -> dict[str, int]:
        own = await deps.store.read(lambda connection: own_limits(connection, project_id))
        return {name: own.get(name, limit) for name, limit in defaults_of(request, options).items()}

    async def show(request: Request) -> Response:
        project_id = request.path_params["project_id"]
        _shown_to(request, project_id)
        return json_reply({"quota_set": {"id": project_id} | await limits_for(request, project_id)})

    async def detail(request: Request) -> Response:
        project_id = request.path_params["project_id"]
        _shown_to(request, project_id)
        limits = await limits_for(request, project_id)
        usage = await deps.store.read(lambda connection: usage_of_project(connection, project_id))
        figures: dict[str, Any] = {
            name: {"limit": limit, "in_use": usage.get(name, 0), "reserved": 0} for name, limit in limits.items()
        }
        return json_reply({"quota_set": {"id": project_id} | figures})

    async def defaults(request: Request) -> Response:
        project_id = request.path_params["project_id"]
        return json_reply({"quota_set": {"id": project_id} | defaults_of(request, options)})

    async def update(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:update")
        project_id = request.path_params["project_id"]
        given = (await body_of(request, _Update)).quota_set
        limits = _given_limits(request, given)

        def store(connection: sa.Connection) -> None:
            if not given.force:
                _check_usage(limits, usage_of_project(connection, project_id))
            set_limits(connection, project_id, limits)

        await deps.store.write(store)
        return json_reply({"quota_set": await limits_for(request, project_id)})

    async def delete(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:delete")
        project_id = request.path_params["project_id"]
        await deps.store.write(lambda connection: remove_limits(connection, project_id))
        return empty_reply(202)

    async def show_class(request: Request) -> Response:
        access_of(request).require_admin("os_compute_api:os-quota-class-sets:show")
        name = request.path_params["name"]
        if name != "default":
            raise NotFound(f"Quota class {name} could not be found.")
        return json_reply({"quota_class_set": {"id": name} | defaults_of(request, options)})

    one = f"{PREFIX}/os-quota-sets/{{project_id}}"
    return [
        Route(one, show, methods=["GET"]),
        Route(one, update, methods=["PUT"]),
        Route(one, delete, methods=["DELETE"]),
        Route(f"{one}/detail", detail, methods=["GET"]),
        Route(f"{one}/defaults", defaults, methods=["GET"]),
        Route(f"{PREFIX}/os-quota-class-sets/{{name}}", show_class, methods=["GET"]),
    ]
