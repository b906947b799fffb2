"""Who has which role in which project: given, taken away, and listed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects.sqlite import insert
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.identity.effective_roles import roles_implied_by
from engine.cloud.identity.listing import flag_in_query, listing_of
from engine.cloud.identity.policy import require_admin, require_reader, require_user
from engine.cloud.identity.projects import project_row
from engine.cloud.identity.roles import role_document, role_row
from engine.cloud.identity.schema import (
    DOMAIN_ID,
    DOMAIN_NAME,
    application_credentials,
    assignments,
    projects,
    roles,
    tokens,
    users,
)
from engine.cloud.identity.tokens import revoke_where
from engine.cloud.identity.users import user_row
from engine.rest.errors import NotFound
from engine.rest.replies import empty_reply
from engine.rest.request import access_of, base_url

_DOMAIN = {"id": DOMAIN_ID, "name": DOMAIN_NAME}
_ELSEWHERE = ("group.id", "scope.system", "scope.domain.id", "scope.OS-INHERIT:inherited_to")
"""Filters for assignments of kinds that this service does not have."""


def routes(database: Database) -> list[Route]:
    """Return the routes."""

    async def list_assignments(request: Request) -> Response:
        """``GET /v3/role_assignments``: by user, role and project; ``effective`` adds the implied roles."""
        query = request.query_params
        require_user(access_of(request), query.get("user.id", ""), "list_role_assignments")
        if any(name in query for name in _ELSEWHERE):
            return listing_of(request, "role_assignments", [])
        wanted = (
            select(
                assignments,
                users.c.name.label("user_name"),
                projects.c.name.label("project_name"),
                roles.c.name.label("role_name"),
            )
            .join(users, users.c.id == assignments.c.user_id)
            .join(projects, projects.c.id == assignments.c.project_id)
            .join(roles, roles.c.id == assignments.c.role_id)
            .order_by(users.c.name, projects.c.name, roles.c.name)
        )
        for name, column in (("user.id", assignments.c.user_id), ("scope.project.id", assignments.c.project_id)):
            if name in query:
                wanted = wanted.where(column == query[name])
        effective = flag_in_query(request, "effective") or False
        with_names = flag_in_query(request, "include_names") or False
        with database.read() as connection:
            rows = connection.execute(wanted).all()
            found = [
                (row, role_id, role_name)
                for row in rows
                for role_id, role_name in _roles_of(connection, row, effective=effective).items()
                if query.get("role.id", role_id) == role_id
            ]
        documents = [_document(request, row, role_id, name, with_names=with_names) for row, role_id, name in found]
        return listing_of(request, "role_assignments", documents)

    async def list_in_project(request: Request) -> Response:
        """``GET /v3/projects/{project_id}/users/{user_id}/roles``: the roles assigned there."""
        require_reader(access_of(request), "list_grants")
        user_id, project_id = request.path_params["user_id"], request.path_params["project_id"]
        with database.read() as connection:
            project_row(connection, project_id)
            user_row(connection, user_id)
            held = select(assignments.c.role_id).where(
                assignments.c.user_id == user_id, assignments.c.project_id == project_id
            )
            found = connection.execute(select(roles).where(roles.c.id.in_(held)).order_by(roles.c.name)).all()
        return listing_of(request, "roles", [role_document(request, row) for row in found])

    async def check_assignment(request: Request) -> Response:
        """``HEAD`` and ``GET`` of an assignment: 204, or 404 when there is none."""
        require_reader(access_of(request), "check_grant")
        with database.read() as connection:
            if connection.execute(select(assignments).where(_is_this(request))).one_or_none() is None:
                raise _not_assigned(request)
        return empty_reply()

    async def give_role(request: Request) -> Response:
        """``PUT`` of an assignment; one that is there already stays."""
        require_admin(access_of(request), "create_grant")
        given = dict(request.path_params)
        with database.write() as connection:
            role_row(connection, given["role_id"])
            user_row(connection, given["user_id"])
            project_row(connection, given["project_id"])
            connection.execute(insert(assignments).values(given).on_conflict_do_nothing())
        return empty_reply()

    async def take_role(request: Request) -> Response:
        """``DELETE`` of an assignment, with the user's tokens and application credentials for that project."""
        require_admin(access_of(request), "revoke_grant")
        user_id, project_id = request.path_params["user_id"], request.path_params["project_id"]
        with database.write() as connection:
            if not connection.execute(delete(assignments).where(_is_this(request))).rowcount:
                raise _not_assigned(request)
            connection.execute(
                delete(application_credentials).where(
                    application_credentials.c.user_id == user_id, application_credentials.c.project_id == project_id
                )
            )
            revoke_where(connection, (tokens.c.user_id == user_id) & (tokens.c.project_id == project_id))
        return empty_reply()

    one = "/v3/projects/{project_id}/users/{user_id}/roles/{role_id}"
    return [
        Route("/v3/role_assignments", list_assignments, methods=["GET"]),
        Route("/v3/projects/{project_id}/users/{user_id}/roles", list_in_project, methods=["GET"]),
        Route(one, check_assignment, methods=["GET"]),
        Route(one, give_role, methods=["PUT"]),
        Route(one, take_role, methods=["DELETE"]),
    ]


def _roles_of(connection: Connection, row: Row[Any], *, effective: bool) -> dict[str, str]:
    return roles_implied_by(connection, [row.role_id]) if effective else {row.role_id: row.role_name}


def _is_this(request: Request) -> Any:
    return (
        (assignments.c.user_id == request.path_params["user_id"])
        & (assignments.c.project_id == request.path_params["project_id"])
        & (assignments.c.role_id == request.path_params["role_id"])
    )


def _not_assigned(request: Request) -> NotFound:
    asked = request.path_params
    return NotFound(
        f"Could not find role assignment with role: {asked['role_id']}, user or group: {asked['user_id']}, "
        f"project, domain, or system: {asked['project_id']}."
    )


def _document(request: Request, row: Row[Any], role_id: str, role_name: str, *, with_names: bool) -> dict[str, Any]:
    user: dict[str, Any] = {"id": row.user_id}
    project: dict[str, Any] = {"id": row.project_id}
    role: dict[str, Any] = {"id": role_id}
    if with_names:
        user |= {"name": row.user_name, "domain": _DOMAIN}
        project |= {"name": row.project_name, "domain": _DOMAIN}
        role |= {"name": role_name}
    path = f"/v3/projects/{row.project_id}/users/{row.user_id}/roles/{row.role_id}"
    return {
        "links": {"assignment": base_url(request) + path},
        "scope": {"project": project},
        "user": user,
        "role": role,
    }
