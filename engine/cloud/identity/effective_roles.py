"""The roles that somebody has in a project: those assigned and, transitively, those these imply."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import CTE, ColumnElement, Connection, Select, bindparam, select

from engine.cloud.identity.schema import assignments, implied_roles, roles


def _with_implied(start: Select[tuple[str]]) -> CTE:
    """Return the ids that ``start`` selects and all that they imply."""
    held = start.cte("held", recursive=True)
    return held.union(
        select(implied_roles.c.implied_id).join(held, implied_roles.c.prior_id == held.c.id),
    )


def _roles_in(held: CTE) -> Select[tuple[str, str]]:
    return select(roles.c.id, roles.c.name).join(held, roles.c.id == held.c.id).order_by(roles.c.name)


def _both(user: str, project: str) -> ColumnElement[bool]:
    return (assignments.c.user_id == bindparam(user)) & (assignments.c.project_id == bindparam(project))


_OF_USER = _roles_in(_with_implied(select(assignments.c.role_id.label("id")).where(_both("user", "project"))))
_OF_ROLES = _roles_in(_with_implied(select(roles.c.id).where(roles.c.id.in_(bindparam("ids", expanding=True)))))


def roles_of_user(connection: Connection, user_id: str, project_id: str) -> dict[str, str]:
    """Return the roles of a user in a project, name by id."""
    found = connection.execute(_OF_USER, {"user": user_id, "project": project_id})
    return {row.id: row.name for row in found}


def roles_implied_by(connection: Connection, role_ids: Iterable[str]) -> dict[str, str]:
    """Return the roles given and those they imply, name by id."""
    found = connection.execute(_OF_ROLES, {"ids": list(role_ids)})
    return {row.id: row.name for row in found}
