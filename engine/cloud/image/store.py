"""The image service's records: who sees which image, and every change as one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, true, update
from sqlalchemy.dialects import sqlite

from engine.cloud.database import Database
from engine.cloud.image.listing import ListQuery, page_statement
from engine.cloud.image.schema import (
    COMMUNITY,
    IMAGES,
    MEMBERS,
    PUBLIC,
    SHARED,
    Image,
    Member,
    image_of,
    now_us,
)
from engine.rest.access import Access
from engine.rest.errors import BadRequest, NotFound


class ImageStore:
    """Reads and changes images; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, image_id: str, access: Access | None = None) -> Image:
        """Return an image; raise NotFound when there is none, or none that ``access`` may see."""
        query = select(IMAGES).where(IMAGES.c.id == image_id)
        if access is not None:
            query = query.where(_may_be_shown(access))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"No image found with ID {image_id[:100]}")
        return image_of(row)

    def page(self, access: Access, query: ListQuery) -> list[Image]:
        """Return a page of the images that a list shows the caller, and one more when another page follows."""
        with self._database.read() as connection:
            marker: Mapping[str, Any] | None = None
            if query.marker:
                named = select(IMAGES).where(IMAGES.c.id == query.marker, _may_be_shown(access))
                found = connection.execute(named).one_or_none()
                if found is None:
                    raise BadRequest(f"Marker {query.marker[:100]} could not be found.")
                marker = found._asdict()
            statement = page_statement(query, _may_be_listed(access, query), marker)
            return [image_of(row) for row in connection.execute(statement)]

    def with_status(self, *statuses: str) -> list[Image]:
        """Return all images in one of ``statuses``."""
        with self._database.read() as connection:
            return [image_of(row) for row in connection.execute(select(IMAGES).where(IMAGES.c.status.in_(statuses)))]

    def add(self, image: Image) -> bool:
        """Record a new image; return False when its id is taken."""
        values = {column.name: getattr(image, column.name) for column in IMAGES.columns}
        with self._database.write() as connection:
            done = connection.execute(sqlite.insert(IMAGES).values(values).on_conflict_do_nothing())
            return done.rowcount == 1

    def change(self, image_id: str, values: Mapping[str, object], *, status: str = "") -> bool:
        """Change attributes, where ``status`` is given only of an image in that status; return whether it was done."""
        condition = IMAGES.c.id == image_id
        if status:
            condition = and_(condition, IMAGES.c.status == status)
        with self._database.write() as connection:
            done = connection.execute(update(IMAGES).where(condition).values(**values, updated_us=now_us()))
            return done.rowcount == 1

    def remove(self, image_id: str) -> bool:
        """Remove an image that is not protected; return whether there was one."""
        with self._database.write() as connection:
            done = connection.execute(delete(IMAGES).where(IMAGES.c.id == image_id, IMAGES.c.protected.is_(False)))
            return done.rowcount == 1

    def members(self, image_id: str) -> list[Member]:
        """Return the projects an image is shared with."""
        query = select(MEMBERS).where(MEMBERS.c.image_id == image_id).order_by(MEMBERS.c.created_us)
        with self._database.read() as connection:
            return [Member(**row._mapping) for row in connection.execute(query)]

    def add_member(self, image_id: str, member_id: str) -> bool:
        """Share an image with a project; return False when it already is."""
        now = now_us()
        with self._database.write() as connection:
            if connection.execute(_member(image_id, member_id)).one_or_none() is not None:
                return False
            connection.execute(
                insert(MEMBERS).values(
                    image_id=image_id, member_id=member_id, status="pending", created_us=now, updated_us=now
                )
            )
            return True

    def set_member(self, image_id: str, member_id: str, status: str) -> bool:
        """Record what a project says of an image shared with it; return False when it is not shared with it."""
        condition = (MEMBERS.c.image_id == image_id) & (MEMBERS.c.member_id == member_id)
        with self._database.write() as connection:
            done = connection.execute(update(MEMBERS).where(condition).values(status=status, updated_us=now_us()))
            return done.rowcount == 1

    def remove_member(self, image_id: str, member_id: str) -> bool:
        """Share an image no more with a project; return False when it was not."""
        condition = (MEMBERS.c.image_id == image_id) & (MEMBERS.c.member_id == member_id)
        with self._database.write() as connection:
            return connection.execute(delete(MEMBERS).where(condition)).rowcount == 1


def _member(image_id: str, member_id: str) -> Any:
    return select(MEMBERS.c.status).where(MEMBERS.c.image_id == image_id, MEMBERS.c.member_id == member_id)


def _shared_with(project_id: str, status: str = "all") -> ColumnElement[bool]:
    condition = (MEMBERS.c.image_id == IMAGES.c.id) & (MEMBERS.c.member_id == project_id)
    if status != "all":
        condition &= MEMBERS.c.status == status
    return and_(IMAGES.c.visibility == SHARED, select(MEMBERS.c.image_id).where(condition).exists())


def _may_be_shown(access: Access) -> ColumnElement[bool]:
    """Return the condition under which a caller who names an image may see it."""
    if access.is_admin or "service" in access.roles:
        return true()
    return or_(
        IMAGES.c.owner == access.project_id,
        IMAGES.c.visibility.in_((PUBLIC, COMMUNITY)),
        _shared_with(access.project_id),
    )


def _may_be_listed(access: Access, query: ListQuery) -> ColumnElement[bool]:
    """Return the condition under which a list shows an image: community images and unaccepted ones only if asked."""
    if query.visibility in (COMMUNITY, "all"):
        return _may_be_shown(access)
    if access.is_admin or "service" in access.roles:
        return true()
    return or_(
        IMAGES.c.owner == access.project_id,
        IMAGES.c.visibility == PUBLIC,
        _shared_with(access.project_id, query.member_status),
    )
