"""What this API once gave the scheduler and has taken back: so that a leftover of ours is told from others' things."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import sqlalchemy as sa

from engine.boot.store.schema import retired


class Kind(StrEnum):
    """What the scheduler is given: flavors go by name, the others by uuid."""

    FLAVOR = "flavor"
    SERVER_GROUP = "server_group"
    AGGREGATE = "aggregate"


def retire(connection: sa.Connection, kind: Kind, name: str, *, now: float) -> None:
    """Record that the scheduler must not have something any more."""
    unretire(connection, kind, [name])
    connection.execute(retired.insert().values(kind=kind, name=name, retired_at=now))


def unretire(connection: sa.Connection, kind: Kind, names: Iterable[str]) -> None:
    """Forget that some things were taken back: they are there again, or gone for good."""
    connection.execute(retired.delete().where(retired.c.kind == kind, retired.c.name.in_(list(names))))


def retired_names(connection: sa.Connection, kind: Kind) -> dict[str, float]:
    """Return what was taken back, and when (seconds since 1970 UTC)."""
    query = sa.select(retired.c.name, retired.c.retired_at).where(retired.c.kind == kind)
    return {row.name: row.retired_at for row in connection.execute(query)}
