"""What is recorded of an instance's past: actions and their events, faults, and the steps of its boots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TypeVar

import sqlalchemy as sa

from engine.boot.store.schema import action_events, actions, boot_steps, faults
from engine.boot.tracing import emit_spans

Record = TypeVar("Record")


@dataclass(frozen=True)
class ActionRow:
    """An action that a user asked for; ``message`` is empty or ``Error``."""

    instance_uuid: str
    request_id: str
    action: str
    user_id: str
    project_id: str
    started_at: float
    updated_at: float
    message: str


@dataclass(frozen=True)
class EventRow:
    """One part of an action, on one host; ``result`` is empty while it runs, then Success or Error."""

    instance_uuid: str
    request_id: str
    event: str
    host: str
    started_at: float
    finished_at: float | None
    result: str
    details: str


@dataclass(frozen=True)
class FaultRow:
    """Why an instance is in ERROR; ``details`` are for administrators."""

    instance_uuid: str
    code: int
    message: str
    details: str
    host: str
    created_at: float


@dataclass(frozen=True)
class StepRow:
    """One of the 28 steps as it happened; times are microseconds since 1970 UTC."""

    instance_uuid: str
    attempt: int
    step: int
    host: str
    started_us: int
    finished_us: int
    error: str
    detail: str


def begin_action(
    connection: sa.Connection,
    instance_uuid: str,
    action: str,
    *,
    request_id: str,
    user_id: str,
    project_id: str,
    now: float,
) -> None:
    """Record that a user asked for an action."""
    values = {"instance_uuid": instance_uuid, "request_id": request_id, "action": action, "user_id": user_id}
    connection.execute(actions.insert().values(**values, project_id=project_id, started_at=now, updated_at=now))


def fail_action(connection: sa.Connection, instance_uuid: str, request_id: str, *, now: float) -> None:
    """Record that an action ended in an error."""
    connection.execute(
        actions.update()
        .where(actions.c.instance_uuid == instance_uuid, actions.c.request_id == request_id)
        .values(message="Error", updated_at=now)
    )


def begin_event(
    connection: sa.Connection, instance_uuid: str, request_id: str, event: str, *, host: str = "", now: float
) -> None:
    """Record that a part of an action has begun; one that is already under way on the host is not begun twice."""
    wanted = {"of_instance": instance_uuid, "of_request": request_id, "of_event": event, "on_host": host}
    if connection.execute(_OPEN_EVENT, wanted).first() is None:
        values = {"instance_uuid": instance_uuid, "request_id": request_id, "event": event, "host": host}
        connection.execute(_NEW_EVENT, values | {"started_at": now})


def end_event(
    connection: sa.Connection,
    instance_uuid: str,
    request_id: str,
    event: str,
    *,
    host: str = "",
    error: str = "",
    now: float,
) -> None:
    """Record how a part of an action ended: Success, or Error with ``error`` as its details."""
    wanted = {"of_instance": instance_uuid, "of_request": request_id, "of_event": event, "on_host": host}
    ended = {"ended_at": now, "to_result": "Error" if error else "Success", "to_details": error}
    connection.execute(_END_OF_EVENT, wanted | ended)
    connection.execute(_MOVED_ACTION, {"of_instance": instance_uuid, "of_request": request_id, "moved_at": now})


def add_fault(
    connection: sa.Connection, instance_uuid: str, message: str, *, details: str = "", host: str = "", now: float
) -> None:
    """Record why an instance is in ERROR, as nova's code 500 has it."""
    values = {"instance_uuid": instance_uuid, "code": 500, "message": message, "details": details, "host": host}
    connection.execute(faults.insert().values(**values, created_at=now))


def add_steps(connection: sa.Connection, steps: Iterable[StepRow]) -> None:
    """Record steps of a boot: in the database, and as spans where those are wanted."""
    new = list(steps)
    if new:
        connection.execute(boot_steps.insert(), [vars(step) for step in new])
        emit_spans(new)


def add_steps_once(connection: sa.Connection, steps: Iterable[StepRow]) -> None:
    """Record the steps of one attempt of one boot, leaving out those that are recorded: a message told twice."""
    new = list(steps)
    if new:
        of_attempt = {"wanted": new[0].instance_uuid, "of_attempt": new[0].attempt}
        recorded = {(step, started_us) for step, started_us in connection.execute(_STEPS_OF_ATTEMPT, of_attempt)}
        add_steps(connection, (step for step in new if (step.step, step.started_us) not in recorded))


def end_open_events(
    connection: sa.Connection, instance_uuid: str, *, error: str, now: float, request_id: str = ""
) -> None:
    """Record that whatever is still under way of an instance (or of one action) has ended in an error."""
    under_way = [action_events.c.instance_uuid == instance_uuid, action_events.c.finished_at.is_(None)]
    if request_id:
        under_way.append(action_events.c.request_id == request_id)
    connection.execute(action_events.update().where(*under_way).values(finished_at=now, result="Error", details=error))


# statements of every boot: made once, as making them costs as much as running them
_IS_OPEN = (
    action_events.c.instance_uuid == sa.bindparam("of_instance"),
    action_events.c.request_id == sa.bindparam("of_request"),
    action_events.c.event == sa.bindparam("of_event"),
    action_events.c.host == sa.bindparam("on_host"),
    action_events.c.finished_at.is_(None),
)
_OPEN_EVENT = sa.select(action_events.c.number).where(*_IS_OPEN).limit(1)
_NEW_EVENT = action_events.insert()
_END_OF_EVENT = (
    action_events.update()
    .where(*_IS_OPEN)
    .values(finished_at=sa.bindparam("ended_at"), result=sa.bindparam("to_result"), details=sa.bindparam("to_details"))
)
_MOVED_ACTION = (
    actions.update()
    .where(actions.c.instance_uuid == sa.bindparam("of_instance"), actions.c.request_id == sa.bindparam("of_request"))
    .values(updated_at=sa.bindparam("moved_at"))
)
_STEPS_OF_ATTEMPT = sa.select(boot_steps.c.step, boot_steps.c.started_us).where(
    boot_steps.c.instance_uuid == sa.bindparam("wanted"), boot_steps.c.attempt == sa.bindparam("of_attempt")
)


def actions_of(connection: sa.Connection, instance_uuid: str) -> list[ActionRow]:
    """Return an instance's actions, newest first, as nova lists them."""
    return _rows(connection, actions, ActionRow, instance_uuid, newest_first=True)


def events_of(connection: sa.Connection, instance_uuid: str, request_id: str) -> list[EventRow]:
    """Return the parts of one action, newest first."""
    found = _rows(connection, action_events, EventRow, instance_uuid, newest_first=True)
    return [event for event in found if event.request_id == request_id]


def last_fault(connection: sa.Connection, instance_uuid: str) -> FaultRow | None:
    """Return the newest fault, or None."""
    return next(iter(_rows(connection, faults, FaultRow, instance_uuid, newest_first=True)), None)


def steps_of(connection: sa.Connection, instance_uuid: str) -> list[StepRow]:
    """Return every recorded step, in the order of its recording."""
    return _rows(connection, boot_steps, StepRow, instance_uuid, newest_first=False)


def _rows(
    connection: sa.Connection, table: sa.Table, kind: type[Record], instance_uuid: str, *, newest_first: bool
) -> list[Record]:
    columns = [table.c[field.name] for field in fields(kind)]  # type: ignore[arg-type]
    order = table.c.number.desc() if newest_first else table.c.number.asc()
    query = sa.select(*columns).where(table.c.instance_uuid == instance_uuid).order_by(order)
    return [kind(*row) for row in connection.execute(query)]
