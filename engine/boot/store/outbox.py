"""Messages that wait in the same database, and the same transaction, as the rows they announce."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from engine.boot.messages import Message, encode
from engine.boot.store.schema import casts, dropped_casts


@dataclass(frozen=True)
class Waiting:
    """A message that has not been acknowledged: its number, its topic and its JSON."""

    number: int
    topic: str
    body: str
    not_before: float


def cast(connection: sa.Connection, topic: str, message: Message, *, now: float, not_before: float = 0.0) -> int:
    """Put a message on a topic and return its number; it is there if, and only if, the transaction is committed.

    ``not_before``: it waits until then (seconds UTC).
    """
    values = {"topic": topic, "body": encode(message), "created_at": now, "not_before": not_before}
    inserted = connection.execute(casts.insert().values(**values)).inserted_primary_key
    assert inserted is not None
    return int(inserted[0])


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


def waiting_for(connection: sa.Connection, topic: str, instance_uuid: str) -> list[Waiting]:
    """Return the messages of one topic that name an instance, in the order they were cast."""
    query = sa.select(casts.c.number, casts.c.topic, casts.c.body, casts.c.not_before)
    query = query.where(casts.c.topic == topic, casts.c.body.contains(instance_uuid, autoescape=True))
    return [Waiting(*row) for row in connection.execute(query.order_by(casts.c.number))]


def withdraw(connection: sa.Connection, topic: str, instance_uuid: str) -> int:
    """Remove the messages of one topic that name an instance; return how many there were."""
    named = casts.c.body.contains(instance_uuid, autoescape=True)
    return connection.execute(casts.delete().where(casts.c.topic == topic, named)).rowcount


def topics_of_numbers(connection: sa.Connection, numbers: Iterable[int]) -> dict[int, str]:
    """Return the topics of those messages that are still there, by number."""
    query = sa.select(casts.c.number, casts.c.topic).where(casts.c.number.in_(list(numbers)))
    return {row.number: row.topic for row in connection.execute(query)}


def drop(connection: sa.Connection, waiting: Waiting, problem: str, *, now: float) -> None:
    """Remove a message that nobody can read, and record that there was one; not its text, which may hold a token."""
    values = {"topic": waiting.topic, "size": len(waiting.body), "problem": problem, "dropped_at": now}
    connection.execute(dropped_casts.insert().values(cast_number=waiting.number, **values))
    connection.execute(casts.delete().where(casts.c.number == waiting.number))
