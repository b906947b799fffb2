"""``/v3/users/{user_id}/application_credentials``: secrets a user makes so that programs can act for it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, delete, insert, select
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.identity.effective_roles import roles_implied_by, roles_of_user
from engine.cloud.identity.listing import listing_of, self_link
from engine.cloud.identity.passwords import Passwords
from engine.cloud.identity.policy import require_user
from engine.cloud.identity.schema import application_credentials, new_id
from engine.cloud.identity.tokens import time_text
from engine.rest.access import Access
from engine.rest.errors import BadRequest, Conflict, Forbidden, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class RoleName(_Body):
    """A role, by id or name."""

    id: str | None = None
    name: str | None = None


class NewCredential(_Body):
    """What an application credential is made of; without roles it gets all that the caller's token has."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    description: Annotated[str, Field(max_length=1024)] | None = None
    secret: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    expires_at: Annotated[str, Field(max_length=64)] | None = None
    roles: Annotated[list[RoleName], Field(max_length=100)] | None = None
    unrestricted: bool | None = None
    access_rules: Annotated[list[Any], Field(max_length=100)] | None = None
    project_id: str | None = None


class NewCredentialRequest(_Body):
    """The body of a creation."""

    application_credential: NewCredential


def routes(database: Database, passwords: Passwords, clock: Callable[[], float]) -> list[Route]:
    """Return the routes."""

    async def list_credentials(request: Request) -> Response:
        """``GET``: the user's application credentials, by name."""
        user_id = request.path_params["user_id"]
        require_user(access_of(request), user_id, "list_application_credentials")
        wanted = (
            select(application_credentials)
            .where(application_credentials.c.user_id == user_id)
            .order_by(application_credentials.c.name)
        )
        if "name" in request.query_params:
            wanted = wanted.where(application_credentials.c.name == request.query_params["name"])
        with database.read() as connection:
            documents = [_document(request, connection, row) for row in connection.execute(wanted).all()]
        return listing_of(request, "application_credentials", documents)

    async def show_credential(request: Request) -> Response:
        """``GET`` of one; its secret is never shown again."""
        require_user(access_of(request), request.path_params["user_id"], "get_application_credential")
        with database.read() as connection:
            document = _document(request, connection, _row(connection, request))
        return json_reply({"application_credential": document})

    async def create_credential(request: Request) -> Response:
        """``POST``, by the user itself, for the project of its token; the answer alone shows the secret."""
        access = access_of(request)
        if access.user_id != request.path_params["user_id"] or _is_restricted(access):
            raise Forbidden(
                "You are not authorized to perform the requested action: identity:create_application_credential."
            )
        if not access.project_id:
            raise BadRequest("An application credential is for a project: use a token for one.")
        given = (await body_of(request, NewCredentialRequest)).application_credential
        if given.access_rules:
            raise BadRequest("Access rules are not supported: limit the application credential by its roles.")
        if given.project_id not in (None, access.project_id):
            raise BadRequest("An application credential is for the project of the token that makes it.")
        expires_at = _expiry(given.expires_at, clock())
        secret = given.secret or secrets.token_urlsafe(64)
        secret_hash = await passwords.hash(secret)
        row = {
            "id": new_id(),
            "name": given.name,
            "user_id": access.user_id,
            "project_id": access.project_id,
            "description": given.description,
            "secret_hash": secret_hash,
            "expires_at": expires_at,
            "unrestricted": given.unrestricted or False,
        }
        try:
            with database.write() as connection:
                held = roles_of_user(connection, access.user_id, access.project_id)
                # of a narrowed token no more than it has
                held = {role_id: name for role_id, name in held.items() if name in access.roles}
                role_ids = _chosen(held, given.roles)
                connection.execute(insert(application_credentials).values(**row, role_ids=role_ids))
                made = connection.execute(
                    select(application_credentials).where(application_credentials.c.id == row["id"])
                ).one()
                document = _document(request, connection, made)
        except IntegrityError as error:
            raise Conflict(
                "Conflict occurred attempting to store application_credential - Duplicate entry found with name "
                f"{given.name}."
            ) from error
        return json_reply({"application_credential": document | {"secret": secret}}, 201)

    async def delete_credential(request: Request) -> Response:
        """``DELETE``, with the tokens that were got by it."""
        access = access_of(request)
        if not (access.user_id == request.path_params["user_id"] or access.is_admin) or _is_restricted(access):
            raise Forbidden(
                "You are not authorized to perform the requested action: identity:delete_application_credential."
            )
        with database.write() as connection:
            found = _row(connection, request)
            connection.execute(delete(application_credentials).where(application_credentials.c.id == found.id))
        return empty_reply()

    every = "/v3/users/{user_id}/application_credentials"
    return [
        Route(every, list_credentials, methods=["GET"]),
        Route(every, create_credential, methods=["POST"]),
        Route(every + "/{credential_id}", show_credential, methods=["GET"]),
        Route(every + "/{credential_id}", delete_credential, methods=["DELETE"]),
    ]


def _is_restricted(access: Access) -> bool:
    """Whether the caller is a program with an application credential that may not touch others."""
    credential = access.document.get("application_credential")
    return credential is not None and bool(credential["restricted"])


def _row(connection: Connection, request: Request) -> Row[Any]:
    asked = request.path_params["credential_id"]
    found = connection.execute(
        select(application_credentials).where(
            application_credentials.c.id == asked, application_credentials.c.user_id == request.path_params["user_id"]
        )
    ).one_or_none()
    if found is None:
        raise NotFound(f"Could not find application_credential: {asked}.")
    return found


def _expiry(text: str | None, now: float) -> float | None:
    """Return when an application credential ends; a time without a zone is UTC, as keystone takes it."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"expires_at is no time such as 2030-01-31T12:00:00: {text!r}.") from error
    if seconds <= now:
        raise BadRequest("expires_at is past: the application credential could never be used.")
    return seconds


def _chosen(held: dict[str, str], given: list[RoleName] | None) -> list[str]:
    """Return the ids of the roles asked for, all that are held without any; raise BadRequest for one not held."""
    if not given:
        return list(held)
    by_name = {name: role_id for role_id, name in held.items()}
    chosen = []
    for role in given:
        role_id = role.id if role.id is not None else by_name.get(role.name or "", "")
        if role_id not in held:
            raise BadRequest(
                f"Invalid application credential: the role {role.id or role.name} is not one of the token's."
            )
        chosen.append(role_id)
    return chosen


def _document(request: Request, connection: Connection, row: Row[Any]) -> dict[str, Any]:
    named = roles_implied_by(connection, row.role_ids)
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "project_id": row.project_id,
        "user_id": row.user_id,
        "expires_at": None if row.expires_at is None else time_text(row.expires_at).removesuffix("Z"),
        "unrestricted": row.unrestricted,
        "roles": [
            {"id": role_id, "name": named[role_id], "domain_id": None} for role_id in row.role_ids if role_id in named
        ],
        "links": self_link(request, f"users/{row.user_id}/application_credentials/{row.id}"),
    }
