"""The records of volume types."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.cloud.database import Database
from engine.cloud.volume.schema import DEFAULT_TYPE, TYPES, VolumeType
from engine.rest.errors import BadRequest, Conflict, NotFound


class TypeStore:
    """Reads and changes volume types; there always is the default one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.write() as connection:
            if connection.execute(select(TYPES.c.id).where(TYPES.c.name == DEFAULT_TYPE)).first() is None:
                connection.execute(
                    insert(TYPES).values(
                        id=str(uuid.uuid4()),
                        name=DEFAULT_TYPE,
                        description="Default Volume Type",
                        is_public=True,
                        extra_specs={},
                    )
                )

    def all(self) -> dict[str, VolumeType]:
        """Return every type by its id."""
        with self._database.read() as connection:
            rows = connection.execute(select(TYPES).order_by(TYPES.c.name))
            return {row.id: VolumeType(**row._mapping) for row in rows}

    def named(self, name: str) -> VolumeType:
        """Return the type with this name or id; raise NotFound without one."""
        types = self.all()
        found = types.get(name) or next((kind for kind in types.values() if kind.name == name), None)
        if found is None:
            raise NotFound(f"Volume type with name {name[:100]} could not be found.")
        return found

    def add(self, kind: VolumeType) -> None:
        """Record a new type; raise Conflict when its name is taken."""
        values = {column.name: getattr(kind, column.name) for column in TYPES.columns}
        try:
            with self._database.write() as connection:
                connection.execute(insert(TYPES).values(values))
        except IntegrityError as error:
            raise Conflict(f"Volume Type {kind.name} already exists.") from error

    def set_extra_specs(self, type_id: str, extra_specs: Mapping[str, str]) -> None:
        """Replace a type's extra specs."""
        with self._database.write() as connection:
            connection.execute(update(TYPES).where(TYPES.c.id == type_id).values(extra_specs=dict(extra_specs)))

    def remove(self, kind: VolumeType) -> None:
        """Remove a type; raise BadRequest for the default one and for one that volumes have."""
        if kind.name == DEFAULT_TYPE:
            raise BadRequest("The default volume type cannot be deleted.")
        try:
            with self._database.write() as connection:
                connection.execute(delete(TYPES).where(TYPES.c.id == kind.id))
        except IntegrityError as error:
            raise BadRequest(f"Target volume type is still in use: {kind.name}") from error
