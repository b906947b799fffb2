"""Messages that wait in the same database, and the same transaction, as the rows they announce."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from engine.boot.messages import Message, encode
from engine.boot.store.schema import casts


@dataclass(frozen=True)
class Waiting:
    """A message that has not been acknowledged: its number, its topic and its JSON."""

    number: int
    topic: str
    body: str
    not_before: float


def cast(connection: sa.Connection, topic: str, message: Message, *, now: float) -> None:
    """Put a message on a topic; it is there if, and only if, the transaction is committed."""
    connection.execute(casts.insert().values(topic=topic, body=encode(message), created_at=now))


def waiting(connection: sa.Connection, *, after: int = 0, topic: str = "", limit: int = 10_000) -> list[Waiting]:
    """Return messages with numbers above ``after``, of one topic or of all, in the order they were cast."""
    query = sa.select(casts.c.number, casts.c.topic, casts.c.body, casts.c.not_before).where(casts.c.number > after)
    if topic:
        query = query.where(casts.c.topic == topic)
    return [Waiting(*row) for row in connection.execute(query.order_by(casts.c.number).limit(limit))]


def acknowledge(connection: sa.Connection, numbers: Iterable[int]) -> None:
    """Remove messages that are done with; one that is gone already is no error."""
    gone = list(numbers)
    if gone:
        connection.execute(casts.delete().where(casts.c.number.in_(gone)))


def postpone(connection: sa.Connection, number: int, *, until: float) -> None:
    """Let a message wait until a time (seconds UTC)."""
    connection.execute(casts.update().where(casts.c.number == number).values(not_before=until))
