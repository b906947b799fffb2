"""Projects' own quotas in the database, over the defaults of the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from engine.boot.options import QuotaOptions
from engine.boot.store.schema import quotas


def limits_of(connection: sa.Connection, project_id: str, defaults: QuotaOptions) -> dict[str, int]:
    """Return what a project may have, by resource; -1 is unlimited."""
    return defaults.model_dump() | own_limits(connection, project_id)


def own_limits(connection: sa.Connection, project_id: str) -> dict[str, int]:
    """Return the limits that were set for a project itself."""
    query = sa.select(quotas.c.resource, quotas.c.hard_limit).where(quotas.c.project_id == project_id)
    return {row.resource: row.hard_limit for row in connection.execute(query)}


def set_limits(connection: sa.Connection, project_id: str, limits: Mapping[str, int]) -> None:
    """Set limits of a project; those not named stay."""
    if not limits:
        return
    remove_limits(connection, project_id, limits)
    rows = [{"project_id": project_id, "resource": name, "hard_limit": limit} for name, limit in limits.items()]
    connection.execute(quotas.insert(), rows)


def remove_limits(connection: sa.Connection, project_id: str, resources: Iterable[str] | None = None) -> None:
    """Let the defaults hold again for a project: for these resources, or for all."""
    statement = quotas.delete().where(quotas.c.project_id == project_id)
    if resources is not None:
        statement = statement.where(quotas.c.resource.in_(list(resources)))
    connection.execute(statement)
