"""``/v3/services``: what the catalog offers; an administrator's to manage."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, delete, insert, select, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.identity.listing import listing_of, self_link
from engine.cloud.identity.policy import require_admin, require_reader
from engine.cloud.identity.schema import new_id, services
from engine.rest.errors import NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

Type = Annotated[str, Field(min_length=1, max_length=255)]
Text = Annotated[str, Field(max_length=1024)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class NewService(_Body):
    """What a service is made of."""

    type: Type
    name: Text | None = None
    description: Text | None = None
    enabled: bool = True


class ChangedService(_Body):
    """What can change of a service; what is left out stays."""

    type: Type = ""
    name: Text | None = None
    description: Text | None = None
    enabled: bool = True


class NewServiceRequest(_Body):
    """The body of a creation."""

    service: NewService


class ChangedServiceRequest(_Body):
    """The body of a change."""

    service: ChangedService


def routes(database: Database) -> list[Route]:
    """Return the routes."""

    async def list_services(request: Request) -> Response:
        """``GET /v3/services``, by name and type."""
        require_reader(access_of(request), "list_services")
        wanted = select(services).order_by(services.c.type, services.c.id)
        for name, column in (("name", services.c.name), ("type", services.c.type)):
            if name in request.query_params:
                wanted = wanted.where(column == request.query_params[name])
        with database.read() as connection:
            found = connection.execute(wanted).all()
        return listing_of(request, "services", [_document(request, row) for row in found])

    async def show_service(request: Request) -> Response:
        """``GET /v3/services/{service_id}``."""
        require_reader(access_of(request), "get_service")
        with database.read() as connection:
            row = service_row(connection, request.path_params["service_id"])
        return json_reply({"service": _document(request, row)})

    async def create_service(request: Request) -> Response:
        """``POST /v3/services``."""
        require_admin(access_of(request), "create_service")
        given = (await body_of(request, NewServiceRequest)).service
        service_id = new_id()
        with database.write() as connection:
            connection.execute(insert(services).values(id=service_id, **given.model_dump()))
            made = service_row(connection, service_id)
        return json_reply({"service": _document(request, made)}, 201)

    async def change_service(request: Request) -> Response:
        """``PATCH /v3/services/{service_id}``; a disabled service is in no catalog."""
        require_admin(access_of(request), "update_service")
        service_id = request.path_params["service_id"]
        changes = (await body_of(request, ChangedServiceRequest)).service.model_dump(exclude_unset=True)
        with database.write() as connection:
            service_row(connection, service_id)
            if changes:
                connection.execute(update(services).where(services.c.id == service_id).values(changes))
            changed = service_row(connection, service_id)
        return json_reply({"service": _document(request, changed)})

    async def delete_service(request: Request) -> Response:
        """``DELETE /v3/services/{service_id}``, with its endpoints."""
        require_admin(access_of(request), "delete_service")
        service_id = request.path_params["service_id"]
        with database.write() as connection:
            service_row(connection, service_id)
            connection.execute(delete(services).where(services.c.id == service_id))
        return empty_reply()

    return [
        Route("/v3/services", list_services, methods=["GET"]),
        Route("/v3/services", create_service, methods=["POST"]),
        Route("/v3/services/{service_id}", show_service, methods=["GET"]),
        Route("/v3/services/{service_id}", change_service, methods=["PATCH"]),
        Route("/v3/services/{service_id}", delete_service, methods=["DELETE"]),
    ]


def service_row(connection: Connection, service_id: str) -> Row[Any]:
    """Return a service; raise NotFound."""
    found = connection.execute(select(services).where(services.c.id == service_id)).one_or_none()
    if found is None:
        raise NotFound(f"Could not find service: {service_id}.")
    return found


def _document(request: Request, row: Row[Any]) -> dict[str, Any]:
    told = {"name": row.name, "description": row.description}
    return {
        "id": row.id,
        "type": row.type,
        "enabled": row.enabled,
        **{name: value for name, value in told.items() if value is not None},
        "links": self_link(request, f"services/{row.id}"),
    }
