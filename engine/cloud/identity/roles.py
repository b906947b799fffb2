"""``/v3/roles`` and what they imply: an administrator's to manage."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.identity.effective_roles import roles_implied_by
from engine.cloud.identity.listing import listing_of, self_link
from engine.cloud.identity.policy import require_admin, require_reader
from engine.cloud.identity.schema import assignments, implied_roles, new_id, roles, tokens
from engine.cloud.identity.tokens import revoke_where
from engine.rest.errors import Conflict, Forbidden, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

Name = Annotated[str, Field(min_length=1, max_length=255)]
Description = Annotated[str, Field(max_length=1024)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class RoleOptions(_Body):
    """Whether a role can be changed and deleted."""

    immutable: bool | None = None


class NewRole(_Body):
    """What a role is made of; every role is for all projects."""

    name: Name
    description: Description | None = None
    domain_id: None = None
    options: RoleOptions = RoleOptions()


class ChangedRole(_Body):
    """What can change of a role; what is left out stays."""

    name: Name = ""
    description: Description | None = None
    options: RoleOptions = RoleOptions()


class NewRoleRequest(_Body):
    """The body of a creation."""

    role: NewRole


class ChangedRoleRequest(_Body):
    """The body of a change."""

    role: ChangedRole


def routes(database: Database) -> list[Route]:
    """Return the routes."""

    async def list_roles(request: Request) -> Response:
        """``GET /v3/roles``, by name."""
        require_reader(access_of(request), "list_roles")
        wanted = select(roles).order_by(roles.c.name)
        if "name" in request.query_params:
            wanted = wanted.where(roles.c.name == request.query_params["name"])
        if "domain_id" in request.query_params:
            return listing_of(request, "roles", [])
        with database.read() as connection:
            found = connection.execute(wanted).all()
        return listing_of(request, "roles", [role_document(request, row) for row in found])

    async def show_role(request: Request) -> Response:
        """``GET /v3/roles/{role_id}``."""
        require_reader(access_of(request), "get_role")
        with database.read() as connection:
            row = role_row(connection, request.path_params["role_id"])
        return json_reply({"role": role_document(request, row)})

    async def create_role(request: Request) -> Response:
        """``POST /v3/roles``."""
        require_admin(access_of(request), "create_role")
        given = (await body_of(request, NewRoleRequest)).role
        role_id = new_id()
        row = {
            "name": given.name,
            "description": given.description,
            "immutable": given.options.immutable or False,
        }
        try:
            with database.write() as connection:
                connection.execute(insert(roles).values(id=role_id, **row))
                made = role_row(connection, role_id)
        except IntegrityError as error:
            raise _name_taken(given.name) from error
        return json_reply({"role": role_document(request, made)}, 201)

    async def change_role(request: Request) -> Response:
        """``PATCH /v3/roles/{role_id}``; an immutable role can only be made mutable first."""
        require_admin(access_of(request), "update_role")
        role_id = request.path_params["role_id"]
        given = (await body_of(request, ChangedRoleRequest)).role
        changes = given.model_dump(exclude_unset=True, exclude={"options"})
        if "immutable" in given.options.model_fields_set:
            changes["immutable"] = given.options.immutable or False
        try:
            with database.write() as connection:
                if role_row(connection, role_id).immutable and changes != {"immutable": False}:
                    raise _immutable("update", role_id)
                if changes:
                    connection.execute(update(roles).where(roles.c.id == role_id).values(changes))
                changed = role_row(connection, role_id)
        except IntegrityError as error:
            raise _name_taken(given.name) from error
        return json_reply({"role": role_document(request, changed)})

    async def delete_role(request: Request) -> Response:
        """``DELETE /v3/roles/{role_id}``: whoever had it, has it no more, and its tokens are revoked."""
        require_admin(access_of(request), "delete_role")
        role_id = request.path_params["role_id"]
        with database.write() as connection:
            if role_row(connection, role_id).immutable:
                raise _immutable("delete", role_id)
            _revoke_carriers(connection, role_id)
            connection.execute(delete(roles).where(roles.c.id == role_id))
        return empty_reply()

    async def list_inferences(request: Request) -> Response:
        """``GET /v3/role_inferences``: which roles imply which."""
        require_reader(access_of(request), "list_role_inference_rules")
        with database.read() as connection:
            by_id = {row.id: row for row in connection.execute(select(roles).order_by(roles.c.name))}
            pairs = connection.execute(select(implied_roles)).all()
        rules = [
            {
                "prior_role": _named(request, row),
                "implies": [_named(request, by_id[pair.implied_id]) for pair in pairs if pair.prior_id == row.id],
            }
            for row in by_id.values()
        ]
        return listing_of(request, "role_inferences", [rule for rule in rules if rule["implies"]])

    return [
        Route("/v3/roles", list_roles, methods=["GET"]),
        Route("/v3/roles", create_role, methods=["POST"]),
        Route("/v3/roles/{role_id}", show_role, methods=["GET"]),
        Route("/v3/roles/{role_id}", change_role, methods=["PATCH"]),
        Route("/v3/roles/{role_id}", delete_role, methods=["DELETE"]),
        Route("/v3/role_inferences", list_inferences, methods=["GET"]),
    ]


def role_row(connection: Connection, role_id: str) -> Row[Any]:
    """Return a role; raise NotFound."""
    found = connection.execute(select(roles).where(roles.c.id == role_id)).one_or_none()
    if found is None:
        raise NotFound(f"Could not find role: {role_id}.")
    return found


def role_document(request: Request, row: Row[Any]) -> dict[str, Any]:
    """Return a role as keystone shows it."""
    return {
        "id": row.id,
        "name": row.name,
        "domain_id": None,
        "description": row.description,
        "options": {"immutable": True} if row.immutable else {},
        "links": self_link(request, f"roles/{row.id}"),
    }


def _revoke_carriers(connection: Connection, role_id: str) -> None:
    """Revoke the tokens that carry a role, assigned or implied."""
    every = connection.execute(select(roles.c.id)).scalars().all()
    giving = [prior for prior in every if role_id in roles_implied_by(connection, [prior])]
    carried = select(assignments).where(
        assignments.c.user_id == tokens.c.user_id,
        assignments.c.project_id == tokens.c.project_id,
        assignments.c.role_id.in_(giving),
    )
    revoke_where(connection, carried.exists())


def _named(request: Request, row: Row[Any]) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "links": self_link(request, f"roles/{row.id}")}


def _immutable(action: str, role_id: str) -> Forbidden:
    return Forbidden(f"Cannot {action} the role {role_id}: it is immutable. Set its option immutable to false first.")


def _name_taken(name: str) -> Conflict:
    return Conflict(f"Conflict occurred attempting to store role - Duplicate entry found with name {name}.")
