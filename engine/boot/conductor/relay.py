"""Casts on their way to another bus: published in order, and removed from the database once the bus has them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Protocol

import sqlalchemy as sa

from engine.boot.conductor.dispatch import unreadable
from engine.boot.conductor.scheduling import caller_of, with_caller
from engine.boot.messages import SCHEDULE_TOPIC, Build, decode
from engine.boot.states import VmState
from engine.boot.store.instances import change_instance, get_instance
from engine.boot.store.outbox import Waiting, acknowledge, drop, waiting
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from engine.errors import EngineError, InvalidRequestError

_LOOK_INTERVAL_S = 1.0
_PAGE = 256
_LOG = logging.getLogger("berth.conductor")


class Publisher(Protocol):
    """Where messages are handed on."""

    async def publish(self, number: int, topic: str, body: str) -> None:
        """Hand a message on, so that it is not lost any more; told twice, it counts once.

        Raises InvalidRequestError for a topic that cannot be, ServiceUnavailableError while the bus is away.
        """
        ...


class Relay:
    """Hands every waiting message of hosts on, whether or not their agents are there."""

    def __init__(self, store: Store, publisher: Publisher, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Say that messages wait."""
        self._woken.set()

    async def run(self) -> None:
        """Hand on until cancelled; a bus or a database that is away is waited for."""
        while True:
            self._woken.clear()
            try:
                await self.hand_on()
            except EngineError as error:
                _LOG.warning("messages wait: %s", error.message)
                await asyncio.sleep(_LOOK_INTERVAL_S)
            except Exception:
                _LOG.exception("messages cannot be handed on, trying again")
                await asyncio.sleep(_LOOK_INTERVAL_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _LOOK_INTERVAL_S)

    async def hand_on(self) -> int:
        """Hand on what waits and is due, in order; return how many there were."""
        count = after = 0
        while True:
            page = await self._store.read(lambda connection: waiting(connection, after=after, limit=_PAGE))  # noqa: B023
            now = self._clock()
            due = [row for row in page if row.topic != SCHEDULE_TOPIC and row.not_before <= now]
            for row in due:
                await self._hand_on(row)
            count += len(due)
            if len(page) < _PAGE:
                return count
            after = page[-1].number

    async def _hand_on(self, row: Waiting) -> None:
        problem = unreadable(row.body)
        if problem is None:
            try:
                await self._publisher.publish(row.number, row.topic, row.body)
            except InvalidRequestError as error:
                problem = error.message
        if problem is not None:
            _LOG.error("message %d on %s cannot be handed on and is dropped: %s", row.number, row.topic, problem)
            reason = problem
            await self._store.write(lambda connection: drop(connection, row, reason, now=self._clock()))
            return
        await self._store.write(lambda connection: self._handed_on(connection, row))

    def _handed_on(self, connection: sa.Connection, row: Waiting) -> None:
        """Remove a message; who asked for a build is kept with it, as the text is no longer here to tell."""
        acknowledge(connection, [row.number])
        message = decode(row.body)
        if not isinstance(message, Build):
            return
        found = get_instance(connection, message.instance_uuid, lock=True)
        if found is not None and found.attempt == message.attempt and caller_of(found.scheduling) is None:
            values = {"scheduling": with_caller(found.scheduling, message.caller)}
            building = instances.c.vm_state == VmState.BUILDING
            change_instance(connection, found.uuid, values, building, now=self._clock())
