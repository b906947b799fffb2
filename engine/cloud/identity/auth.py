"""``/v3/auth``: tokens issued, validated and revoked, and what their holder may choose from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.identity.auth_request import AuthRequest
from engine.cloud.identity.catalog import catalog_of
from engine.cloud.identity.gate import TokenGate
from engine.cloud.identity.listing import listing_of
from engine.cloud.identity.login import Login
from engine.cloud.identity.projects import project_document
from engine.cloud.identity.schema import assignments, projects
from engine.cloud.identity.tokens import describe, revoke
from engine.rest.access import Access
from engine.rest.errors import Forbidden, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_UNKNOWN = "Failed to validate token"
TOKENS_PATH = "/v3/auth/tokens"


def routes(
    database: Database, login: Login, gate: TokenGate, clock: Callable[[], float], expired_window_s: float
) -> list[Route]:
    """Return the routes; ``expired_window_s``: how long after its end a token can still be asked about."""

    async def issue_token(request: Request) -> Response:
        """``POST /v3/auth/tokens``: the one call that needs no token."""
        body = await body_of(request, AuthRequest)
        text, document = await login.token_for(body.auth, with_catalog="nocatalog" not in request.query_params)
        return json_reply({"token": document}, 201, {"X-Subject-Token": text, "Vary": "X-Auth-Token"})

    async def caller_of(request: Request) -> Access:
        access, _ = await gate.check(request.headers.get("x-auth-token", ""), "")
        return access

    async def validate_token(request: Request) -> Response:
        """``GET`` and ``HEAD /v3/auth/tokens``: what a token says, for its owner, a service or an administrator."""
        caller = await caller_of(request)
        asked_for_expired = request.query_params.get("allow_expired", "").lower() in ("1", "true")
        text, document = subject_of(
            request,
            expired_window_s if asked_for_expired else 0,
            with_catalog="nocatalog" not in request.query_params,
        )
        if not (owns(caller, document) or caller.is_admin or "service" in caller.roles):
            raise Forbidden("You are not authorized to perform the requested action: identity:validate_token.")
        return json_reply({"token": document}, headers={"X-Subject-Token": text, "Vary": "X-Auth-Token"})

    async def revoke_token(request: Request) -> Response:
        """``DELETE /v3/auth/tokens``, for a token's owner or an administrator."""
        caller = await caller_of(request)
        text, document = subject_of(request, 0, with_catalog=False)
        if not (owns(caller, document) or caller.is_admin):
            raise Forbidden("You are not authorized to perform the requested action: identity:revoke_token.")
        with database.write() as connection:
            revoke(connection, text)
        return empty_reply()

    def subject_of(request: Request, window_s: float, *, with_catalog: bool) -> tuple[str, dict[str, Any]]:
        text = request.headers.get("x-subject-token", "")
        with database.read() as connection:
            document = describe(connection, text, clock(), expired_window_s=window_s, with_catalog=with_catalog)
        if document is None:
            raise NotFound(_UNKNOWN)
        return text, document

    def owns(caller: Access, document: dict[str, Any]) -> bool:
        owner: str = document["user"]["id"]
        return caller.user_id == owner

    async def list_projects(request: Request) -> Response:
        """``GET /v3/auth/projects``: the projects the caller can have a token for."""
        mine = (
            select(projects)
            .where(
                projects.c.enabled,
                projects.c.id.in_(
                    select(assignments.c.project_id).where(assignments.c.user_id == access_of(request).user_id)
                ),
            )
            .order_by(projects.c.name)
        )
        with database.read() as connection:
            found = connection.execute(mine).all()
        return listing_of(request, "projects", [project_document(request, row) for row in found])

    async def show_catalog(request: Request) -> Response:
        """``GET /v3/auth/catalog``: the catalog that the caller's token carries."""
        with database.read() as connection:
            catalog = catalog_of(connection, access_of(request).project_id)
        return listing_of(request, "catalog", catalog)

    async def list_nothing(request: Request) -> Response:
        """``GET /v3/auth/domains``: no token is for a domain."""
        return listing_of(request, "domains", [])

    return [
        Route(TOKENS_PATH, issue_token, methods=["POST"]),
        Route(TOKENS_PATH, validate_token, methods=["GET"]),
        Route(TOKENS_PATH, revoke_token, methods=["DELETE"]),
        Route("/v3/auth/projects", list_projects, methods=["GET"]),
        Route("/v3/auth/domains", list_nothing, methods=["GET"]),
        Route("/v3/auth/catalog", show_catalog, methods=["GET"]),
    ]
