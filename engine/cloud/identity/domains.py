"""``/v3/domains``: there is one, and it stays as it is."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.identity.listing import flag_in_query, listing_of, self_link
from engine.cloud.identity.policy import require_admin, require_reader
from engine.cloud.identity.schema import DOMAIN_ID, DOMAIN_NAME
from engine.rest.errors import Forbidden, NotFound
from engine.rest.replies import json_reply
from engine.rest.request import access_of


def routes() -> list[Route]:
    """Return the routes."""
    return [
        Route("/v3/domains", list_domains, methods=["GET"]),
        Route("/v3/domains", refuse_change, methods=["POST"]),
        Route("/v3/domains/{domain_id}", show_domain, methods=["GET"]),
        Route("/v3/domains/{domain_id}", refuse_change, methods=["PATCH", "DELETE"]),
    ]


def require_our_domain(domain_id: str | None) -> None:
    """Raise NotFound for a domain that is not the one there is; None means that one."""
    if domain_id not in (None, DOMAIN_ID):
        raise NotFound(f"Could not find domain: {domain_id}.")


async def list_domains(request: Request) -> Response:
    """``GET /v3/domains``, by name."""
    require_reader(access_of(request), "list_domains")
    wanted = request.query_params.get("name", DOMAIN_NAME) == DOMAIN_NAME and flag_in_query(request, "enabled") in (
        None,
        True,
    )
    return listing_of(request, "domains", [_document(request)] if wanted else [])


async def show_domain(request: Request) -> Response:
    """``GET /v3/domains/{domain_id}``: for everybody, who are all in it."""
    require_our_domain(request.path_params["domain_id"])
    return json_reply({"domain": _document(request)})


async def refuse_change(request: Request) -> Response:
    """Domains made, changed and deleted: never."""
    require_admin(access_of(request), "update_domain")
    raise Forbidden(f"This service has one domain, {DOMAIN_NAME}, which cannot be changed; use projects.")


def _document(request: Request) -> dict[str, Any]:
    return {
        "id": DOMAIN_ID,
        "name": DOMAIN_NAME,
        "description": "The default domain",
        "enabled": True,
        "tags": [],
        "options": {},
        "links": self_link(request, f"domains/{DOMAIN_ID}"),
    }
