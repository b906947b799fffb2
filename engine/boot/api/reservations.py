"""Reservations that a crash cannot leave behind: announced in the database before any is made."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from engine.boot.api.deps import Deps
from engine.boot.api.volume_check import unreserve
from engine.boot.messages import SCHEDULE_TOPIC, Delete
from engine.boot.store.outbox import acknowledge, cast, postpone
from engine.boot.store.schema import casts

PATIENCE_S = 120.0
"""How long a request may take from its first reservation to its record; then what it reserved is taken back."""


def claim_message(connection: sa.Connection, number: int) -> bool:
    """Remove a message, and return whether it was still there: of two that want it, one gets it."""
    return connection.execute(casts.delete().where(casts.c.number == number)).rowcount == 1


async def announce_preparation(deps: Deps, instance_uuid: str, request_id: str) -> int:
    """Cast, for later, that an instance without a record is to be swept; return the message's number.

    The transaction that makes the record acknowledges it.
    """
    now = deps.clock()
    message = Delete(instance_uuid=instance_uuid, request_id=request_id)
    return await deps.store.write(
        lambda connection: cast(connection, SCHEDULE_TOPIC, message, now=now, not_before=now + PATIENCE_S)
    )


async def take_back(deps: Deps, attachment_ids: Iterable[str], preparation: int) -> None:
    """Undo the reservations of a request that failed; what cannot be undone now, the worker undoes soon."""
    if await unreserve(deps.clouds, attachment_ids):
        await deps.store.write(lambda connection: acknowledge(connection, [preparation]))
    else:
        await sweep_soon(deps, preparation)


async def sweep_soon(deps: Deps, preparation: int) -> None:
    """Let the worker look now at what a failed request may have reserved."""
    await deps.store.write(lambda connection: postpone(connection, preparation, until=deps.clock()))
