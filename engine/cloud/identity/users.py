"""``/v3/users``: an administrator's to manage; each user sees itself and changes its own password."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.identity.domains import require_our_domain
from engine.cloud.identity.listing import flag_in_query, listing_of, self_link
from engine.cloud.identity.login import Login
from engine.cloud.identity.passwords import Passwords
from engine.cloud.identity.policy import require_admin, require_reader, require_user
from engine.cloud.identity.projects import project_row
from engine.cloud.identity.schema import DOMAIN_ID, new_id, tokens, users
from engine.cloud.identity.tokens import revoke_where
from engine.cloud.identity.user_requests import ChangedUserRequest, NewPasswordRequest, NewUserRequest
from engine.rest.errors import Conflict, Forbidden, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of


def routes(database: Database, passwords: Passwords, login: Login) -> list[Route]:
    """Return the routes."""

    async def list_users(request: Request) -> Response:
        """``GET /v3/users``, by name, domain and whether enabled."""
        require_reader(access_of(request), "list_users")
        wanted = select(users).order_by(users.c.name)
        query = request.query_params
        if "name" in query:
            wanted = wanted.where(users.c.name == query["name"])
        if (enabled := flag_in_query(request, "enabled")) is not None:
            wanted = wanted.where(users.c.enabled == enabled)
        if query.get("domain_id", DOMAIN_ID) != DOMAIN_ID:
            return listing_of(request, "users", [])
        with database.read() as connection:
            found = connection.execute(wanted).all()
        return listing_of(request, "users", [_document(request, row) for row in found])

    async def show_user(request: Request) -> Response:
        """``GET /v3/users/{user_id}``."""
        user_id = request.path_params["user_id"]
        require_user(access_of(request), user_id, "get_user")
        with database.read() as connection:
            row = user_row(connection, user_id)
        return json_reply({"user": _document(request, row)})

    async def create_user(request: Request) -> Response:
        """``POST /v3/users``; without a password the user cannot log in."""
        require_admin(access_of(request), "create_user")
        given = (await body_of(request, NewUserRequest)).user
        require_our_domain(given.domain_id)
        kept = None if given.password is None else await passwords.hash(given.password)
        row = {
            "id": new_id(),
            "name": given.name,
            "description": given.description,
            "email": given.email,
            "enabled": given.enabled,
            "default_project_id": given.default_project_id,
            "password_hash": kept,
            "options": given.options.model_dump(exclude_unset=True),
        }
        try:
            with database.write() as connection:
                if given.default_project_id is not None:
                    project_row(connection, given.default_project_id)
                connection.execute(insert(users).values(row))
                made = user_row(connection, str(row["id"]))
        except IntegrityError as error:
            raise _name_taken(given.name) from error
        return json_reply({"user": _document(request, made)}, 201)

    async def change_user(request: Request) -> Response:
        """``PATCH /v3/users/{user_id}``; another password, or being disabled, revokes the user's tokens."""
        require_admin(access_of(request), "update_user")
        user_id = request.path_params["user_id"]
        given = (await body_of(request, ChangedUserRequest)).user
        require_our_domain(given.domain_id)
        changes = given.model_dump(exclude_unset=True, exclude={"domain_id", "password"})
        if given.password is not None:
            changes["password_hash"] = await passwords.hash(given.password)
        try:
            with database.write() as connection:
                before = user_row(connection, user_id)
                if "options" in changes:
                    changes["options"] = before.options | changes["options"]
                if given.default_project_id is not None:
                    project_row(connection, given.default_project_id)
                if changes:
                    connection.execute(update(users).where(users.c.id == user_id).values(changes))
                if "password_hash" in changes or changes.get("enabled") is False:
                    revoke_where(connection, tokens.c.user_id == user_id)
                changed = user_row(connection, user_id)
        except IntegrityError as error:
            raise _name_taken(given.name) from error
        return json_reply({"user": _document(request, changed)})

    async def change_own_password(request: Request) -> Response:
        """``POST /v3/users/{user_id}/password``: by the user, who knows the old one; revokes the user's tokens."""
        user_id = request.path_params["user_id"]
        if access_of(request).user_id != user_id:
            raise Forbidden("You are not authorized to perform the requested action: identity:change_password.")
        given = (await body_of(request, NewPasswordRequest)).user
        with database.read() as connection:
            before = user_row(connection, user_id)
        await login.check_password(before, user_id, given.original_password)
        kept = await passwords.hash(given.password)
        with database.write() as connection:
            same = (users.c.id == user_id) & (users.c.password_hash == before.password_hash)
            if not connection.execute(update(users).where(same).values(password_hash=kept)).rowcount:
                raise Conflict("The password was changed by someone else meanwhile.")
            revoke_where(connection, tokens.c.user_id == user_id)
        return empty_reply()

    async def delete_user(request: Request) -> Response:
        """``DELETE /v3/users/{user_id}``, with its roles, application credentials and tokens."""
        require_admin(access_of(request), "delete_user")
        user_id = request.path_params["user_id"]
        with database.write() as connection:
            user_row(connection, user_id)
            connection.execute(delete(users).where(users.c.id == user_id))
        return empty_reply()

    return [
        Route("/v3/users", list_users, methods=["GET"]),
        Route("/v3/users", create_user, methods=["POST"]),
        Route("/v3/users/{user_id}", show_user, methods=["GET"]),
        Route("/v3/users/{user_id}", change_user, methods=["PATCH"]),
        Route("/v3/users/{user_id}", delete_user, methods=["DELETE"]),
        Route("/v3/users/{user_id}/password", change_own_password, methods=["POST"]),
    ]


def user_row(connection: Connection, user_id: str) -> Row[Any]:
    """Return a user; raise NotFound."""
    found = connection.execute(select(users).where(users.c.id == user_id)).one_or_none()
    if found is None:
        raise NotFound(f"Could not find user: {user_id}.")
    return found


def _document(request: Request, row: Row[Any]) -> dict[str, Any]:
    told = {"default_project_id": row.default_project_id, "description": row.description, "email": row.email}
    return {
        "id": row.id,
        "name": row.name,
        "domain_id": DOMAIN_ID,
        "enabled": row.enabled,
        **{name: value for name, value in told.items() if value is not None},
        "password_expires_at": None,
        "options": row.options,
        "links": self_link(request, f"users/{row.id}"),
    }


def _name_taken(name: str) -> Conflict:
    return Conflict(
        f"Conflict occurred attempting to store user - Duplicate entry found with name {name} at domain ID default."
    )
