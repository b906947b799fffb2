"""``/v3/projects``: an administrator's to manage; each caller sees the one it works in."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.identity.domains import require_our_domain
from engine.cloud.identity.listing import flag_in_query, listing_of, self_link
from engine.cloud.identity.policy import require_admin, require_project, require_reader, require_user
from engine.cloud.identity.schema import DOMAIN_ID, assignments, new_id, projects, tokens, users
from engine.cloud.identity.tokens import revoke_where
from engine.rest.errors import BadRequest, Conflict, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

Name = Annotated[str, Field(min_length=1, max_length=64)]
Description = Annotated[str, Field(max_length=1024)]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^,/]*$")]], Field(max_length=80)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class NewProject(_Body):
    """What a project is made of; there is one domain, and no project is inside another."""

    name: Name
    description: Description | None = None
    enabled: bool = True
    domain_id: str | None = None
    parent_id: str | None = None
    is_domain: bool = False
    tags: Tags = []
    options: Annotated[dict[str, Any], Field(max_length=0)] = {}


class ChangedProject(_Body):
    """What can change of a project; what is left out stays."""

    name: Name = ""
    description: Description | None = None
    enabled: bool = True
    domain_id: str | None = None
    tags: Tags = []
    options: Annotated[dict[str, Any], Field(max_length=0)] = {}


class NewProjectRequest(_Body):
    """The body of a creation."""

    project: NewProject


class ChangedProjectRequest(_Body):
    """The body of a change."""

    project: ChangedProject


def project_document(request: Request, row: Row[Any]) -> dict[str, Any]:
    """Return a project as keystone shows it."""
    return {
        "id": row.id,
        "name": row.name,
        "domain_id": DOMAIN_ID,
        "description": row.description,
        "enabled": row.enabled,
        "parent_id": DOMAIN_ID,
        "is_domain": False,
        "tags": row.tags,
        "options": {},
        "links": self_link(request, f"projects/{row.id}"),
    }


def routes(database: Database) -> list[Route]:
    """Return the routes."""

    async def list_projects(request: Request) -> Response:
        """``GET /v3/projects``, by name, domain and whether enabled."""
        require_reader(access_of(request), "list_projects")
        wanted = select(projects).order_by(projects.c.name)
        query = request.query_params
        if "name" in query:
            wanted = wanted.where(projects.c.name == query["name"])
        if (enabled := flag_in_query(request, "enabled")) is not None:
            wanted = wanted.where(projects.c.enabled == enabled)
        if flag_in_query(request, "is_domain") or {query.get("domain_id"), query.get("parent_id")} - {None, DOMAIN_ID}:
            return listing_of(request, "projects", [])
        tags = set(filter(None, query.get("tags", "").split(",")))
        with database.read() as connection:
            found = [row for row in connection.execute(wanted) if tags <= set(row.tags)]
        return listing_of(request, "projects", [project_document(request, row) for row in found])

    async def list_of_user(request: Request) -> Response:
        """``GET /v3/users/{user_id}/projects``: the projects in which a user has a role."""
        user_id = request.path_params["user_id"]
        require_user(access_of(request), user_id, "list_user_projects")
        held = select(assignments.c.project_id).where(assignments.c.user_id == user_id)
        with database.read() as connection:
            found = connection.execute(select(projects).where(projects.c.id.in_(held)).order_by(projects.c.name)).all()
        return listing_of(request, "projects", [project_document(request, row) for row in found])

    async def show_project(request: Request) -> Response:
        """``GET /v3/projects/{project_id}``."""
        project_id = request.path_params["project_id"]
        require_project(access_of(request), project_id, "get_project")
        with database.read() as connection:
            row = project_row(connection, project_id)
        return json_reply({"project": project_document(request, row)})

    async def create_project(request: Request) -> Response:
        """``POST /v3/projects``."""
        require_admin(access_of(request), "create_project")
        given = (await body_of(request, NewProjectRequest)).project
        if given.is_domain or given.parent_id not in (None, DOMAIN_ID):
            raise BadRequest("A project here is neither a domain nor inside another project.")
        require_our_domain(given.domain_id)
        project_id = new_id()
        row = {"name": given.name, "description": given.description or "", "enabled": given.enabled, "tags": given.tags}
        try:
            with database.write() as connection:
                connection.execute(insert(projects).values(id=project_id, **row))
                made = project_row(connection, project_id)
        except IntegrityError as error:
            raise _name_taken(given.name) from error
        return json_reply({"project": project_document(request, made)}, 201)

    async def change_project(request: Request) -> Response:
        """``PATCH /v3/projects/{project_id}``; a disabled project's tokens are revoked."""
        require_admin(access_of(request), "update_project")
        project_id = request.path_params["project_id"]
        given = (await body_of(request, ChangedProjectRequest)).project
        require_our_domain(given.domain_id)
        changes = given.model_dump(exclude_unset=True, exclude={"domain_id", "options"})
        if changes.get("description", "") is None:
            changes["description"] = ""
        try:
            with database.write() as connection:
                project_row(connection, project_id)
                if changes:
                    connection.execute(update(projects).where(projects.c.id == project_id).values(changes))
                if changes.get("enabled") is False:
                    revoke_where(connection, tokens.c.project_id == project_id)
                changed = project_row(connection, project_id)
        except IntegrityError as error:
            raise _name_taken(given.name) from error
        return json_reply({"project": project_document(request, changed)})

    async def delete_project(request: Request) -> Response:
        """``DELETE /v3/projects/{project_id}``, with its roles, application credentials and tokens."""
        require_admin(access_of(request), "delete_project")
        project_id = request.path_params["project_id"]
        with database.write() as connection:
            project_row(connection, project_id)
            connection.execute(
                update(users).where(users.c.default_project_id == project_id).values(default_project_id=None)
            )
            connection.execute(delete(projects).where(projects.c.id == project_id))
        return empty_reply()

    return [
        Route("/v3/projects", list_projects, methods=["GET"]),
        Route("/v3/projects", create_project, methods=["POST"]),
        Route("/v3/projects/{project_id}", show_project, methods=["GET"]),
        Route("/v3/projects/{project_id}", change_project, methods=["PATCH"]),
        Route("/v3/projects/{project_id}", delete_project, methods=["DELETE"]),
        Route("/v3/users/{user_id}/projects", list_of_user, methods=["GET"]),
    ]


def project_row(connection: Connection, project_id: str) -> Row[Any]:
    """Return a project; raise NotFound."""
    found = connection.execute(select(projects).where(projects.c.id == project_id)).one_or_none()
    if found is None:
        raise NotFound(f"Could not find project: {project_id}.")
    return found


def _name_taken(name: str) -> Conflict:
    return Conflict(
        "Conflict occurred attempting to store project - it is not permitted to have two projects with the same name "
        f"in the same domain: {name}."
    )
