"""Host aggregates in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from engine.boot.store.schema import aggregates

ZONE_KEY = "availability_zone"
"""The metadata key that makes an aggregate a zone, as in nova."""


@dataclass(frozen=True)
class AggregateRow:
    """One aggregate; ``number`` is the id that users see."""

    number: int
    uuid: str
    name: str
    metadata: dict[str, str]
    hosts: list[str]
    created_at: float
    updated_at: float | None

    @property
    def zone(self) -> str:
        """The availability zone that the aggregate makes of its hosts; empty for none."""
        return self.metadata.get(ZONE_KEY, "")


_COLUMNS = [aggregates.c[field.name] for field in fields(AggregateRow)]


def list_aggregates(connection: sa.Connection) -> list[AggregateRow]:
    """Return every aggregate, oldest first."""
    return [AggregateRow(*row) for row in connection.execute(sa.select(*_COLUMNS).order_by(aggregates.c.number))]


def get_aggregate(connection: sa.Connection, number: int) -> AggregateRow | None:
    """Return the aggregate with an id, or None."""
    found = connection.execute(sa.select(*_COLUMNS).where(aggregates.c.number == number)).first()
    return None if found is None else AggregateRow(*found)


def aggregate_named(connection: sa.Connection, name: str) -> AggregateRow | None:
    """Return the aggregate with a name, or None."""
    found = connection.execute(sa.select(*_COLUMNS).where(aggregates.c.name == name)).first()
    return None if found is None else AggregateRow(*found)


def add_aggregate(
    connection: sa.Connection, *, uuid: str, name: str, metadata: Mapping[str, str], now: float
) -> AggregateRow:
    """Insert an aggregate without hosts and return it; the database refuses a second one of the same name."""
    done = connection.execute(
        aggregates.insert().values(uuid=uuid, name=name, metadata=dict(metadata), hosts=[], created_at=now)
    )
    key = done.inserted_primary_key
    assert key is not None
    return AggregateRow(key[0], uuid, name, dict(metadata), [], now, None)


def change_aggregate(connection: sa.Connection, number: int, values: Mapping[str, Any]) -> bool:
    """Change columns of an aggregate; return whether there was one."""
    done = connection.execute(aggregates.update().where(aggregates.c.number == number).values(**values))
    return done.rowcount == 1


def remove_aggregate(connection: sa.Connection, number: int) -> bool:
    """Delete an aggregate; return whether there was one."""
    return connection.execute(aggregates.delete().where(aggregates.c.number == number)).rowcount == 1


def leave_all(connection: sa.Connection, host: str, *, now: float) -> None:
    """Take a host that is no more out of every aggregate."""
    for aggregate in list_aggregates(connection):
        if host in aggregate.hosts:
            hosts = [name for name in aggregate.hosts if name != host]
            change_aggregate(connection, aggregate.number, {"hosts": hosts, "updated_at": now})
