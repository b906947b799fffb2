"""The records of volumes: found by who may see them, changed only from the states a change starts in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from engine.cloud.database import Database
from engine.cloud.volume.quotas import Quotas
from engine.cloud.volume.schema import ATTACHMENTS, VOLUMES, Volume, now_us
from engine.rest.access import Access
from engine.rest.errors import NotFound


class VolumeStore:
    """Reads and changes volumes; every method is one transaction."""

    def __init__(self, database: Database, quotas: Quotas) -> None:
        self._database = database
        self._quotas = quotas

    def get(self, volume_id: str, access: Access | None = None) -> Volume:
        """Return a volume; raise NotFound when there is none, or none that ``access`` may see."""
        with self._database.read() as connection:
            row = connection.execute(select(VOLUMES).where(VOLUMES.c.id == volume_id)).one_or_none()
        if row is None or (access is not None and not access.sees(row.project_id)):
            raise NotFound(f"Volume {volume_id[:100]} could not be found.")
        return Volume(**row._mapping)

    def ids(self, conditions: Sequence[ColumnElement[bool]], order: Sequence[ColumnElement[Any]]) -> list[str]:
        """Return the ids of the volumes that meet all conditions, in order."""
        with self._database.read() as connection:
            return list(connection.scalars(select(VOLUMES.c.id).where(*conditions).order_by(*order)))

    def several(self, volume_ids: Sequence[str]) -> list[Volume]:
        """Return the volumes of the ids, in the order of these."""
        with self._database.read() as connection:
            rows = connection.execute(select(VOLUMES).where(VOLUMES.c.id.in_(volume_ids)))
            found = {row.id: Volume(**row._mapping) for row in rows}
        return [found[volume_id] for volume_id in volume_ids if volume_id in found]

    def with_status(self, *statuses: str) -> list[Volume]:
        """Return all volumes in one of ``statuses``."""
        with self._database.read() as connection:
            rows = connection.execute(select(VOLUMES).where(VOLUMES.c.status.in_(statuses)))
            return [Volume(**row._mapping) for row in rows]

    def all_ids(self) -> set[str]:
        """Return the ids of all volumes."""
        with self._database.read() as connection:
            return set(connection.scalars(select(VOLUMES.c.id)))

    def add(self, volume: Volume) -> None:
        """Record a new volume; raise TooLarge when the project's quotas do not allow it."""
        values = {column.name: getattr(volume, column.name) for column in VOLUMES.columns}
        with self._database.write() as connection:
            self._quotas.require(connection, volume.project_id, volumes=1, gigabytes=volume.size, size=volume.size)
            connection.execute(insert(VOLUMES).values(values))

    def change(self, volume_id: str, values: Mapping[str, object], *, statuses: Collection[str] = ()) -> bool:
        """Change a volume, where ``statuses`` are given only in one of them; return whether it was done."""
        condition = VOLUMES.c.id == volume_id
        if statuses:
            condition &= VOLUMES.c.status.in_(statuses)
        with self._database.write() as connection:
            done = connection.execute(update(VOLUMES).where(condition).values(**values, updated_us=now_us()))
            return done.rowcount == 1

    def begin_delete(self, volume_id: str, statuses: Collection[str] | None, deleting: str) -> bool:
        """Turn a volume without attachments to ``deleting``, from one of ``statuses`` (None: any); return whether."""
        attached = select(ATTACHMENTS.c.id).where(ATTACHMENTS.c.volume_id == volume_id).exists()
        condition = (VOLUMES.c.id == volume_id) & ~attached
        if statuses is not None:
            condition &= VOLUMES.c.status.in_(statuses)
        with self._database.write() as connection:
            done = connection.execute(update(VOLUMES).where(condition).values(status=deleting, updated_us=now_us()))
            return done.rowcount == 1

    def begin_extend(self, volume_id: str, size: int, statuses: Collection[str], extending: str) -> bool:
        """Give a volume its new size (GiB) and the status ``extending``, from one of ``statuses``.

        Returns False when its status is another or it is not smaller; raises TooLarge when quotas do not allow it.
        """
        with self._database.write() as connection:
            row = connection.execute(select(VOLUMES).where(VOLUMES.c.id == volume_id)).one_or_none()
            if row is None or row.status not in statuses or row.size >= size:
                return False
            self._quotas.require(connection, row.project_id, volumes=0, gigabytes=size - row.size, size=size)
            connection.execute(
                update(VOLUMES)
                .where(VOLUMES.c.id == volume_id)
                .values(status=extending, size=size, updated_us=now_us())
            )
            return True

    def place(self, volume_id: str, host: str, capacity: int) -> bool:
        """Give a volume to the backend ``host``; return False when more than ``capacity`` GiB would be there."""
        with self._database.write() as connection:
            size = connection.scalar(select(VOLUMES.c.size).where(VOLUMES.c.id == volume_id))
            others = select(func.coalesce(func.sum(VOLUMES.c.size), 0)).where(
                VOLUMES.c.host == host, VOLUMES.c.id != volume_id
            )
            if size is None or connection.scalars(others).one() + size > capacity:
                return False
            connection.execute(update(VOLUMES).where(VOLUMES.c.id == volume_id).values(host=host))
            return True

    def remove(self, volume_id: str) -> None:
        """Remove a volume's record."""
        with self._database.write() as connection:
            connection.execute(delete(VOLUMES).where(VOLUMES.c.id == volume_id))
