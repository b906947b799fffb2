"""Actions, events, faults and steps."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from engine.boot.store.history import (
    StepRow,
    actions_of,
    add_fault,
    add_steps,
    add_steps_once,
    begin_action,
    begin_event,
    end_event,
    end_open_events,
    events_of,
    fail_action,
    last_fault,
    steps_of,
)
from engine.boot.store.store import Store

UUID = str(uuid4())
WHO = {"user_id": "u", "project_id": "p"}


def run(store: Store, work: Any) -> Any:
    return asyncio.run(store.write(work))


def step(number: int, started_us: int = 1, attempt: int = 1) -> StepRow:
    return StepRow(UUID, attempt, number, "h0", started_us, started_us + 1, "", "")


def test_an_action_and_its_events(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        begin_action(connection, UUID, "create", request_id="r1", now=1.0, **WHO)
        begin_action(connection, UUID, "stop", request_id="r2", now=2.0, **WHO)
        assert [action.action for action in actions_of(connection, UUID)] == ["stop", "create"]
        begin_event(connection, UUID, "r1", "build", host="h0", now=3.0)
        begin_event(connection, UUID, "r1", "build", host="h0", now=4.0)
        begin_event(connection, UUID, "r1", "build", host="h1", now=5.0)
        end_event(connection, UUID, "r1", "build", host="h0", error="broken", now=6.0)
        end_event(connection, UUID, "r1", "build", host="h1", now=7.0)
        end_event(connection, UUID, "r1", "build", host="h1", error="too late", now=8.0)
        newest, oldest = events_of(connection, UUID, "r1")
        assert (oldest.host, oldest.result, oldest.details, oldest.started_at) == ("h0", "Error", "broken", 3.0)
        assert (newest.host, newest.result, newest.finished_at) == ("h1", "Success", 7.0)
        fail_action(connection, UUID, "r1", now=9.0)
        stop, create = actions_of(connection, UUID)
        assert (create.message, create.updated_at, stop.message) == ("Error", 9.0, "")

    run(store, test)


def test_what_is_open_can_be_ended_at_once(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        for request_id in ("r1", "r2"):
            begin_event(connection, UUID, request_id, "build", now=1.0)
        end_open_events(connection, UUID, error="over", now=2.0, request_id="r1")
        assert [event.result for event in events_of(connection, UUID, "r1")] == ["Error"]
        assert [event.result for event in events_of(connection, UUID, "r2")] == [""]
        end_open_events(connection, UUID, error="all over", now=3.0)
        assert [event.details for event in events_of(connection, UUID, "r1")] == ["over"]
        assert [event.details for event in events_of(connection, UUID, "r2")] == ["all over"]

    run(store, test)


def test_the_newest_fault_counts(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        assert last_fault(connection, UUID) is None
        add_fault(connection, UUID, "first", now=1.0)
        add_fault(connection, UUID, "second", details="more", host="h0", now=2.0)
        fault = last_fault(connection, UUID)
        assert fault is not None
        assert (fault.code, fault.message, fault.details, fault.host) == (500, "second", "more", "h0")

    run(store, test)


def test_steps_told_twice_are_recorded_once(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        add_steps(connection, [step(1), step(2)])
        add_steps_once(connection, [step(2), step(3)])
        add_steps_once(connection, [step(3), step(3, started_us=9)])
        add_steps_once(connection, [step(3, attempt=2)])
        add_steps_once(connection, [])
        found = [(row.attempt, row.step, row.started_us) for row in steps_of(connection, UUID)]
        assert found == [(1, 1, 1), (1, 2, 1), (1, 3, 1), (1, 3, 9), (2, 3, 1)]

    run(store, test)


def test_times_of_steps_are_exact(store: Store) -> None:
    def test(connection: sa.Connection) -> None:
        add_steps(connection, [step(1, started_us=2**62)])
        assert steps_of(connection, UUID)[0].started_us == 2**62

    run(store, test)
