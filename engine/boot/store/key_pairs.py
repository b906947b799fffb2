"""Key pairs in the database: public keys alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import sqlalchemy as sa

from engine.boot.store.schema import key_pairs


@dataclass(frozen=True)
class KeyPairRow:
    """One user's key; ``type`` is ssh or x509."""

    user_id: str
    name: str
    type: str
    fingerprint: str
    public_key: str
    created_at: float


_COLUMNS = [key_pairs.c[field.name] for field in fields(KeyPairRow)]


def list_key_pairs(connection: sa.Connection, user_id: str) -> list[KeyPairRow]:
    """Return a user's keys by name."""
    query = sa.select(*_COLUMNS).where(key_pairs.c.user_id == user_id).order_by(key_pairs.c.name)
    return [KeyPairRow(*row) for row in connection.execute(query)]


def count_key_pairs(connection: sa.Connection, user_id: str) -> int:
    """Return how many keys a user has."""
    query = sa.select(sa.func.count()).select_from(key_pairs).where(key_pairs.c.user_id == user_id)
    return int(connection.execute(query).scalar_one())


def get_key_pair(connection: sa.Connection, user_id: str, name: str) -> KeyPairRow | None:
    """Return a user's key of a name, or None."""
    query = sa.select(*_COLUMNS).where(key_pairs.c.user_id == user_id, key_pairs.c.name == name)
    found = connection.execute(query).first()
    return None if found is None else KeyPairRow(*found)


def add_key_pair(connection: sa.Connection, key: KeyPairRow) -> None:
    """Insert a key; the database refuses a second one of the user's with the same name."""
    connection.execute(key_pairs.insert().values(**asdict(key)))


def remove_key_pair(connection: sa.Connection, user_id: str, name: str) -> bool:
    """Delete a user's key; return whether there was one."""
    done = connection.execute(key_pairs.delete().where(key_pairs.c.user_id == user_id, key_pairs.c.name == name))
    return done.rowcount == 1
