"""``/v3/regions``: everybody may read them, an administrator manages them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.identity.listing import listing_of, self_link
from engine.cloud.identity.policy import require_admin
from engine.cloud.identity.schema import new_id, regions
from engine.rest.errors import Conflict, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

Identifier = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^/]+$")]
Description = Annotated[str, Field(max_length=1024)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class NewRegion(_Body):
    """What a region is made of; without an id it gets one."""

    id: Identifier | None = None
    description: Description | None = None
    parent_region_id: Identifier | None = None


class ChangedRegion(_Body):
    """What can change of a region; what is left out stays."""

    description: Description | None = None
    parent_region_id: Identifier | None = None


class NewRegionRequest(_Body):
    """The body of a creation."""

    region: NewRegion


class ChangedRegionRequest(_Body):
    """The body of a change."""

    region: ChangedRegion


def routes(database: Database) -> list[Route]:
    """Return the routes."""

    async def list_regions(request: Request) -> Response:
        """``GET /v3/regions``, by parent."""
        wanted = select(regions).order_by(regions.c.id)
        if "parent_region_id" in request.query_params:
            wanted = wanted.where(regions.c.parent_region_id == request.query_params["parent_region_id"])
        with database.read() as connection:
            found = connection.execute(wanted).all()
        return listing_of(request, "regions", [_document(request, row) for row in found])

    async def show_region(request: Request) -> Response:
        """``GET /v3/regions/{region_id}``."""
        with database.read() as connection:
            row = region_row(connection, request.path_params["region_id"])
        return json_reply({"region": _document(request, row)})

    async def create_region(request: Request) -> Response:
        """``POST /v3/regions``."""
        require_admin(access_of(request), "create_region")
        given = (await body_of(request, NewRegionRequest)).region
        region_id = given.id or new_id()
        row = {"description": given.description or "", "parent_region_id": given.parent_region_id}
        try:
            with database.write() as connection:
                _check_parent(connection, region_id, given.parent_region_id)
                connection.execute(insert(regions).values(id=region_id, **row))
                made = region_row(connection, region_id)
        except IntegrityError as error:
            raise Conflict(f"Conflict occurred attempting to store region - Duplicate ID, {region_id}.") from error
        return json_reply({"region": _document(request, made)}, 201)

    async def change_region(request: Request) -> Response:
        """``PATCH /v3/regions/{region_id}``."""
        require_admin(access_of(request), "update_region")
        region_id = request.path_params["region_id"]
        changes = (await body_of(request, ChangedRegionRequest)).region.model_dump(exclude_unset=True)
        if changes.get("description", "") is None:
            changes["description"] = ""
        with database.write() as connection:
            region_row(connection, region_id)
            _check_parent(connection, region_id, changes.get("parent_region_id"))
            if changes:
                connection.execute(update(regions).where(regions.c.id == region_id).values(changes))
            changed = region_row(connection, region_id)
        return json_reply({"region": _document(request, changed)})

    async def delete_region(request: Request) -> Response:
        """``DELETE /v3/regions/{region_id}``; refused while endpoints or regions are in it."""
        require_admin(access_of(request), "delete_region")
        region_id = request.path_params["region_id"]
        used = Conflict(f"The region {region_id} still has endpoints or regions in it: delete those first.")
        try:
            with database.write() as connection:
                region_row(connection, region_id)
                if connection.execute(select(regions).where(regions.c.parent_region_id == region_id)).first():
                    raise used
                connection.execute(delete(regions).where(regions.c.id == region_id))
        except IntegrityError as error:
            raise used from error
        return empty_reply()

    return [
        Route("/v3/regions", list_regions, methods=["GET"]),
        Route("/v3/regions", create_region, methods=["POST"]),
        Route("/v3/regions/{region_id}", show_region, methods=["GET"]),
        Route("/v3/regions/{region_id}", change_region, methods=["PATCH"]),
        Route("/v3/regions/{region_id}", delete_region, methods=["DELETE"]),
    ]


def region_row(connection: Connection, region_id: str) -> Row[Any]:
    """Return a region; raise NotFound."""
    found = connection.execute(select(regions).where(regions.c.id == region_id)).one_or_none()
    if found is None:
        raise NotFound(f"Could not find region: {region_id}.")
    return found


def _check_parent(connection: Connection, region_id: str, parent_id: str | None) -> None:
    """Raise NotFound for a parent that does not exist, Conflict for one that is inside the region itself."""
    above = parent_id
    while above is not None:
        if above == region_id:
            raise Conflict(f"The region {region_id} cannot be inside itself.")
        above = region_row(connection, above).parent_region_id


def _document(request: Request, row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "description": row.description,
        "parent_region_id": row.parent_region_id,
        "links": self_link(request, f"regions/{row.id}"),
    }
