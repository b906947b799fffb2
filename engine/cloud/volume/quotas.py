"""Quotas of volumes: each project's limits and usage, checked inside the transaction that uses them up."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import sqlite

from engine.cloud.database import Database
from engine.cloud.volume.schema import QUOTAS, VOLUMES
from engine.rest.errors import TooLarge

_FIXED = {"per_volume_gigabytes": -1, "snapshots": 10, "backups": 10, "backup_gigabytes": 1000, "groups": 10}


class Quotas:
    """The limits of projects (-1: none) over ``defaults`` for volumes and gigabytes."""

    def __init__(self, database: Database, *, volumes: int, gigabytes: int) -> None:
        self._database = database
        self.defaults: Mapping[str, int] = {"volumes": volumes, "gigabytes": gigabytes, **_FIXED}

    def limits(self, project_id: str) -> dict[str, int]:
        """Return a project's limits."""
        with self._database.read() as connection:
            return self._limits(connection, project_id)

    def usage(self, project_id: str) -> dict[str, int]:
        """Return what a project uses of each resource."""
        with self._database.read() as connection:
            volumes, gigabytes = _used(connection, project_id)
        return {**dict.fromkeys(self.defaults, 0), "volumes": volumes, "gigabytes": gigabytes}

    def set(self, project_id: str, limits: Mapping[str, int]) -> None:
        """Give a project limits of its own."""
        rows = [{"project_id": project_id, "resource": name, "most": most} for name, most in limits.items()]
        if not rows:
            return
        statement = sqlite.insert(QUOTAS)
        statement = statement.on_conflict_do_update(
            index_elements=["project_id", "resource"], set_={"most": statement.excluded.most}
        )
        with self._database.write() as connection:
            connection.execute(statement, rows)

    def reset(self, project_id: str) -> None:
        """Let a project have the defaults again."""
        with self._database.write() as connection:
            connection.execute(delete(QUOTAS).where(QUOTAS.c.project_id == project_id))

    def require(self, connection: Connection, project_id: str, *, volumes: int, gigabytes: int, size: int) -> None:
        """Raise TooLarge in cinder's words when a project may not have that much more; ``size``: the volume's, GiB."""
        limits = self._limits(connection, project_id)
        each = limits["per_volume_gigabytes"]
        if 0 <= each < size:
            raise TooLarge(f"Requested volume size {size}G is larger than maximum allowed limit {each}G.")
        used_volumes, used_gigabytes = _used(connection, project_id)
        most = limits["gigabytes"]
        if gigabytes and 0 <= most < used_gigabytes + gigabytes:
            raise TooLarge(
                f"VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. "
                f"Requested {gigabytes}G, quota is {most}G and {used_gigabytes}G has been consumed."
            )
        most = limits["volumes"]
        if volumes and 0 <= most < used_volumes + volumes:
            raise TooLarge(
                f"VolumeLimitExceeded: Maximum number of volumes allowed ({most}) exceeded for quota 'volumes'."
            )

    def _limits(self, connection: Connection, project_id: str) -> dict[str, int]:
        own = connection.execute(select(QUOTAS.c.resource, QUOTAS.c.most).where(QUOTAS.c.project_id == project_id))
        return {**self.defaults, **{row.resource: row.most for row in own}}


def _used(connection: Connection, project_id: str) -> tuple[int, int]:
    query = select(func.count(), func.coalesce(func.sum(VOLUMES.c.size), 0)).where(VOLUMES.c.project_id == project_id)
    volumes, gigabytes = connection.execute(query).one()
    return volumes, gigabytes
