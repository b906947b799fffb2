"""Server groups in the database, and their members: the live instances that name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

import sqlalchemy as sa

from engine.boot.store.schema import instances, server_groups


@dataclass(frozen=True)
class ServerGroupRow:
    """One group; ``max_server_per_host`` 0 stands for the policy's own rule."""

    uuid: str
    name: str
    policy: str
    max_server_per_host: int
    project_id: str
    user_id: str
    created_at: float


_COLUMNS = [server_groups.c[field.name] for field in fields(ServerGroupRow)]


def list_server_groups(connection: sa.Connection, project_id: str = "") -> list[ServerGroupRow]:
    """Return the groups of one project, or of all, oldest first."""
    query = sa.select(*_COLUMNS).order_by(server_groups.c.created_at, server_groups.c.uuid)
    if project_id:
        query = query.where(server_groups.c.project_id == project_id)
    return [ServerGroupRow(*row) for row in connection.execute(query)]


def count_server_groups(connection: sa.Connection, project_id: str) -> int:
    """Return how many groups a project has."""
    query = sa.select(sa.func.count()).select_from(server_groups).where(server_groups.c.project_id == project_id)
    return int(connection.execute(query).scalar_one())


def get_server_group(connection: sa.Connection, uuid: str) -> ServerGroupRow | None:
    """Return a group, or None."""
    found = connection.execute(sa.select(*_COLUMNS).where(server_groups.c.uuid == uuid)).first()
    return None if found is None else ServerGroupRow(*found)


def add_server_group(connection: sa.Connection, group: ServerGroupRow) -> None:
    """Insert a group."""
    connection.execute(server_groups.insert().values(**asdict(group)))


def remove_server_group(connection: sa.Connection, uuid: str) -> bool:
    """Delete a group; return whether there was one."""
    return connection.execute(server_groups.delete().where(server_groups.c.uuid == uuid)).rowcount == 1


def members_of(connection: sa.Connection, uuids: Iterable[str]) -> dict[str, list[str]]:
    """Return the live instances of each group, oldest first; a group without any is left out."""
    found: dict[str, list[str]] = {}
    query = (
        sa.select(instances.c.server_group, instances.c.uuid)
        .where(instances.c.server_group.in_(list(uuids)), instances.c.deleted.is_(False))
        .order_by(instances.c.number)
    )
    for group, member in connection.execute(query):
        found.setdefault(group, []).append(member)
    return found
