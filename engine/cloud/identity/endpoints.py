"""``/v3/endpoints``: where the catalog's services are; an administrator's to manage."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, delete, insert, select, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.identity.listing import listing_of, self_link
from engine.cloud.identity.policy import require_admin, require_reader
from engine.cloud.identity.regions import region_row
from engine.cloud.identity.schema import endpoints, new_id
from engine.cloud.identity.services import service_row
from engine.rest.errors import BadRequest, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

Interface = Literal["public", "internal", "admin"]
Address = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^https?://\S+$")]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class NewEndpoint(_Body):
    """What an endpoint is made of; ``region`` is an older name of ``region_id``."""

    service_id: str
    interface: Interface
    url: Address
    region_id: str | None = None
    region: str | None = None
    enabled: bool = True
    name: str | None = None


class ChangedEndpoint(_Body):
    """What can change of an endpoint; what is left out stays."""

    service_id: str = ""
    interface: Interface = "public"
    url: Address = ""
    region_id: str | None = None
    region: str | None = None
    enabled: bool = True


class NewEndpointRequest(_Body):
    """The body of a creation."""

    endpoint: NewEndpoint


class ChangedEndpointRequest(_Body):
    """The body of a change."""

    endpoint: ChangedEndpoint


def routes(database: Database) -> list[Route]:
    """Return the routes."""

    async def list_endpoints(request: Request) -> Response:
        """``GET /v3/endpoints``, by service, interface and region."""
        require_reader(access_of(request), "list_endpoints")
        wanted = select(endpoints).order_by(endpoints.c.service_id, endpoints.c.interface, endpoints.c.id)
        for column in (endpoints.c.service_id, endpoints.c.interface, endpoints.c.region_id):
            if column.name in request.query_params:
                wanted = wanted.where(column == request.query_params[column.name])
        with database.read() as connection:
            found = connection.execute(wanted).all()
        return listing_of(request, "endpoints", [_document(request, row) for row in found])

    async def show_endpoint(request: Request) -> Response:
        """``GET /v3/endpoints/{endpoint_id}``."""
        require_reader(access_of(request), "get_endpoint")
        with database.read() as connection:
            row = _row(connection, request.path_params["endpoint_id"])
        return json_reply({"endpoint": _document(request, row)})

    async def create_endpoint(request: Request) -> Response:
        """``POST /v3/endpoints``."""
        require_admin(access_of(request), "create_endpoint")
        row = _columns((await body_of(request, NewEndpointRequest)).endpoint)
        endpoint_id = new_id()
        with database.write() as connection:
            _check_references(connection, row)
            connection.execute(insert(endpoints).values(id=endpoint_id, **({"enabled": True} | row)))
            made = _row(connection, endpoint_id)
        return json_reply({"endpoint": _document(request, made)}, 201)

    async def change_endpoint(request: Request) -> Response:
        """``PATCH /v3/endpoints/{endpoint_id}``."""
        require_admin(access_of(request), "update_endpoint")
        endpoint_id = request.path_params["endpoint_id"]
        changes = _columns((await body_of(request, ChangedEndpointRequest)).endpoint)
        with database.write() as connection:
            _row(connection, endpoint_id)
            _check_references(connection, changes)
            if changes:
                connection.execute(update(endpoints).where(endpoints.c.id == endpoint_id).values(changes))
            changed = _row(connection, endpoint_id)
        return json_reply({"endpoint": _document(request, changed)})

    async def delete_endpoint(request: Request) -> Response:
        """``DELETE /v3/endpoints/{endpoint_id}``."""
        require_admin(access_of(request), "delete_endpoint")
        endpoint_id = request.path_params["endpoint_id"]
        with database.write() as connection:
            _row(connection, endpoint_id)
            connection.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))
        return empty_reply()

    return [
        Route("/v3/endpoints", list_endpoints, methods=["GET"]),
        Route("/v3/endpoints", create_endpoint, methods=["POST"]),
        Route("/v3/endpoints/{endpoint_id}", show_endpoint, methods=["GET"]),
        Route("/v3/endpoints/{endpoint_id}", change_endpoint, methods=["PATCH"]),
        Route("/v3/endpoints/{endpoint_id}", delete_endpoint, methods=["DELETE"]),
    ]


def _row(connection: Connection, endpoint_id: str) -> Row[Any]:
    found = connection.execute(select(endpoints).where(endpoints.c.id == endpoint_id)).one_or_none()
    if found is None:
        raise NotFound(f"Could not find endpoint: {endpoint_id}.")
    return found


def _columns(given: NewEndpoint | ChangedEndpoint) -> dict[str, Any]:
    """Return what a body sets, by column."""
    columns = given.model_dump(exclude_unset=True, exclude={"region", "name"})
    if "region" in given.model_fields_set:
        columns.setdefault("region_id", given.region)
    return columns


def _check_references(connection: Connection, columns: dict[str, Any]) -> None:
    """Raise BadRequest when the service or region named does not exist."""
    try:
        if "service_id" in columns:
            service_row(connection, columns["service_id"])
        if columns.get("region_id") is not None:
            region_row(connection, columns["region_id"])
    except NotFound as error:
        raise BadRequest(error.message) from error


def _document(request: Request, row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "interface": row.interface,
        "region_id": row.region_id,
        "region": row.region_id,
        "service_id": row.service_id,
        "url": row.url,
        "enabled": row.enabled,
        "links": self_link(request, f"endpoints/{row.id}"),
    }
