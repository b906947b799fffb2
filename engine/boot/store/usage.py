"""What a project's instances take of its quota."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from engine.boot.store.schema import instances


@dataclass(frozen=True)
class Usage:
    """What a project's live instances take; ``ram`` is MiB."""

    instances: int = 0
    cores: int = 0
    ram: int = 0

    def of(self, resource: str) -> int:
        """Return the amount of ``instances``, ``cores`` or ``ram``."""
        return int(getattr(self, resource))


def usage_of(connection: sa.Connection, project_id: str) -> Usage:
    """Return what a project uses now."""
    query = sa.select(
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(instances.c.flavor["vcpus"].as_integer()), 0),
        sa.func.coalesce(sa.func.sum(instances.c.flavor["memory_mb"].as_integer()), 0),
    ).where(instances.c.project_id == project_id, instances.c.deleted.is_(False))
    count, cores, ram = connection.execute(query).one()
    return Usage(int(count), int(cores), int(ram))
