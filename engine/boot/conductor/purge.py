"""Records that nobody asks for any more are removed for good."""

from __future__ import annotations

import sqlalchemy as sa

from engine.boot.store.schema import (
    action_events,
    actions,
    block_devices,
    boot_steps,
    dropped_casts,
    faults,
    instances,
)

_AT_ONCE = 500
_BELONGINGS = (block_devices, actions, action_events, faults, boot_steps)


def purge(connection: sa.Connection, *, before: float) -> int:
    """Remove instances deleted before a time, with all that was recorded of them; return how many, some at a time."""
    old = (
        sa.select(instances.c.uuid)
        .where(instances.c.deleted.is_(True), instances.c.terminated_at < before)
        .order_by(instances.c.number)
        .limit(_AT_ONCE)
    )
    uuids = list(connection.execute(old).scalars())
    if uuids:
        for table in _BELONGINGS:
            connection.execute(table.delete().where(table.c.instance_uuid.in_(uuids)))
        connection.execute(instances.delete().where(instances.c.uuid.in_(uuids)))
    connection.execute(dropped_casts.delete().where(dropped_casts.c.dropped_at < before))
    return len(uuids)
