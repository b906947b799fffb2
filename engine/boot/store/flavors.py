"""Flavors in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa

from engine.boot.store.schema import flavors


@dataclass(frozen=True)
class FlavorRow:
    """One flavor, field by field as the table has it; ``projects`` may use it when it is not public."""

    flavor_id: str
    name: str
    vcpus: int
    memory_mb: int
    root_gb: int
    ephemeral_gb: int
    swap_mb: int
    rxtx_factor: float
    is_public: bool
    disabled: bool
    description: str
    extra_specs: dict[str, str]
    projects: list[str]
    created_at: float


_COLUMNS = [flavors.c[field.name] for field in fields(FlavorRow)]


def list_flavors(connection: sa.Connection) -> list[FlavorRow]:
    """Return every flavor in the order of the ids."""
    return [FlavorRow(*row) for row in connection.execute(sa.select(*_COLUMNS).order_by(flavors.c.flavor_id))]


def get_flavor(connection: sa.Connection, flavor_id: str) -> FlavorRow | None:
    """Return the flavor with an id, or None."""
    found = connection.execute(sa.select(*_COLUMNS).where(flavors.c.flavor_id == flavor_id)).first()
    return None if found is None else FlavorRow(*found)


def flavor_named(connection: sa.Connection, name: str) -> FlavorRow | None:
    """Return the flavor with a name, or None."""
    found = connection.execute(sa.select(*_COLUMNS).where(flavors.c.name == name)).first()
    return None if found is None else FlavorRow(*found)


def add_flavor(connection: sa.Connection, flavor: FlavorRow) -> None:
    """Insert a flavor; the database refuses a second one of the same id or name."""
    connection.execute(flavors.insert().values(**asdict(flavor)))


def add_first_flavors(connection: sa.Connection, rows: Iterable[FlavorRow]) -> bool:
    """Insert flavors where there is none at all; return whether that was so."""
    if connection.execute(sa.select(flavors.c.flavor_id).limit(1)).first() is not None:
        return False
    for flavor in rows:
        add_flavor(connection, flavor)
    return True


def change_flavor(connection: sa.Connection, flavor_id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a flavor; return whether there was one."""
    done = connection.execute(flavors.update().where(flavors.c.flavor_id == flavor_id).values(**values))
    return done.rowcount == 1


def remove_flavor(connection: sa.Connection, flavor_id: str) -> bool:
    """Delete a flavor; return whether there was one."""
    return connection.execute(flavors.delete().where(flavors.c.flavor_id == flavor_id)).rowcount == 1
