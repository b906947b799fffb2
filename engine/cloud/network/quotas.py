"""Quotas: how many networks, subnets, ports and groups a project may have, and has."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.network import schema
from engine.cloud.network.creation import Attributes, body_of, used_of
from engine.cloud.network.deps import Deps
from engine.cloud.network.policy import is_privileged, not_allowed
from engine.cloud.options import CloudOptions
from engine.rest.access import Access
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of

_RULES_OF_A_PROJECT = 100
_MOST = 2**31 - 1
_Limit = Annotated[int, Field(ge=-1, le=_MOST)]


class QuotaChange(Attributes):
    """New limits of a project; -1 is unlimited. Resources that are not here keep theirs."""

    network: _Limit = -1
    subnet: _Limit = -1
    port: _Limit = -1
    security_group: _Limit = -1
    security_group_rule: _Limit = -1
    force: bool = False
    check_limit: bool = False


def default_quotas(options: CloudOptions) -> dict[str, int]:
    """Return the limits of a project that has none of its own."""
    return {
        "network": options.network_quota,
        "subnet": options.subnet_quota,
        "port": options.port_quota,
        "security_group": options.security_group_quota,
        "security_group_rule": _RULES_OF_A_PROJECT,
    }


def routes(deps: Deps) -> list[Route]:
    """Return the routes of quotas."""
    database = deps.database

    def limits(connection: Connection, project_id: str) -> dict[str, int]:
        query = select(schema.quotas.c.resource, schema.quotas.c.limit).where(schema.quotas.c.project_id == project_id)
        return {**deps.default_quotas, **{row.resource: row.limit for row in connection.execute(query)}}

    async def list_quotas(request: Request) -> Response:
        if not is_privileged(access_of(request)):
            raise not_allowed("get_quota")
        with database.read() as connection:
            projects = connection.execute(select(schema.quotas.c.project_id).distinct()).scalars().all()
            listed = [
                {**limits(connection, project), "project_id": project, "tenant_id": project} for project in projects
            ]
        return json_reply({"quotas": listed})

    async def show_quota(request: Request) -> Response:
        project_id = _readable(access_of(request), request.path_params["project_id"])
        with database.read() as connection:
            return json_reply({"quota": limits(connection, project_id)})

    async def show_defaults(request: Request) -> Response:
        _readable(access_of(request), request.path_params["project_id"])
        return json_reply({"quota": deps.default_quotas})

    async def show_details(request: Request) -> Response:
        project_id = _readable(access_of(request), request.path_params["project_id"])
        with database.read() as connection:
            details = {
                resource: {"limit": limit, "used": used_of(connection, resource, project_id), "reserved": 0}
                for resource, limit in limits(connection, project_id).items()
            }
        return json_reply({"quota": details})

    async def update_quota(request: Request) -> Response:
        if not is_privileged(access_of(request)):
            raise not_allowed("update_quota")
        project_id = request.path_params["project_id"]
        change = await body_of(request, "quota", QuotaChange)
        rows = [
            {"project_id": project_id, "resource": resource, "limit": limit}
            for resource, limit in change.given("force", "check_limit").items()
        ]
        with database.write() as connection:
            if rows:
                statement = insert(schema.quotas)
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["project_id", "resource"], set_={"limit": statement.excluded.limit}
                    ),
                    rows,
                )
            return json_reply({"quota": limits(connection, project_id)})

    async def reset_quota(request: Request) -> Response:
        if not is_privileged(access_of(request)):
            raise not_allowed("delete_quota")
        with database.write() as connection:
            connection.execute(
                delete(schema.quotas).where(schema.quotas.c.project_id == request.path_params["project_id"])
            )
        return empty_reply()

    return [
        Route("/v2.0/quotas", list_quotas, methods=["GET"]),
        Route("/v2.0/quotas/{project_id}", show_quota, methods=["GET"]),
        Route("/v2.0/quotas/{project_id}", update_quota, methods=["PUT"]),
        Route("/v2.0/quotas/{project_id}", reset_quota, methods=["DELETE"]),
        Route("/v2.0/quotas/{project_id}/default", show_defaults, methods=["GET"]),
        Route("/v2.0/quotas/{project_id}/details", show_details, methods=["GET"]),
        Route("/v2.0/quotas/{project_id}/details.json", show_details, methods=["GET"]),
    ]


def _readable(access: Access, project_id: str) -> str:
    if not is_privileged(access) and project_id != access.project_id:
        raise not_allowed("get_quota")
    return project_id
