"""Casts on their way: found when told of them, or by looking once a second, and given to the agent of their host."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
import time
from collections.abc import Callable, Iterable

import msgspec
import sqlalchemy as sa

from engine.boot.conductor.sessions import Session, Sessions
from engine.boot.messages import SCHEDULE_TOPIC, Schedule, decode, host_of_topic
from engine.boot.store.outbox import Waiting, acknowledge, drop, postpone, topics_of_numbers, waiting
from engine.boot.store.store import Store
from engine.errors import EngineError

_LOOK_INTERVAL_S = 1.0
_LOOK_EVERYWHERE_S = 30.0
_OVERLAP = 500
"""Messages below the last one seen that are looked at again: several writers do not commit in the order of numbers."""
_PAGE = 5_000
_CHUNK = 1_000
_LONGEST_DELAY_S = 3_600.0
_LOG = logging.getLogger("berth.conductor")


class Dispatcher:
    """Gives waiting messages to the sessions of their hosts, in order, each to one agent at a time."""

    def __init__(self, store: Store, sessions: Sessions, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock
        self._woken = asyncio.Event()
        self._last_seen = 0
        self._look_everywhere = True
        self._postponed: list[tuple[float, int, Waiting]] = []
        self._postponed_numbers: set[int] = set()
        self._order = itertools.count()

    def wake(self) -> None:
        """Say that messages wait."""
        self._woken.set()

    def subscribed(self) -> None:
        """Say that a host has got an agent: what waited for it is below what was seen last."""
        self._look_everywhere = True
        self._woken.set()

    async def run(self) -> None:
        """Look and deliver until cancelled; a database that is away is waited for."""
        looked_everywhere_at = 0.0
        while True:
            self._woken.clear()
            now = self._clock()
            if self._look_everywhere or now - looked_everywhere_at >= _LOOK_EVERYWHERE_S:
                self._look_everywhere = False
                looked_everywhere_at = now
                self._last_seen = 0
            try:
                await self._look()
            except EngineError as error:
                _LOG.warning("waiting messages cannot be read, trying again: %s", error.message)
                self._look_everywhere = True
                await asyncio.sleep(_LOOK_INTERVAL_S)
            except Exception:
                _LOG.exception("waiting messages cannot be delivered, trying again")
                self._look_everywhere = True
                await asyncio.sleep(_LOOK_INTERVAL_S)
            self._deliver_postponed()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._pause_s())

    async def acknowledged(self, session: Session, numbers: Iterable[int]) -> None:
        """Remove messages that an agent is done with, as far as they are its hosts'."""
        told = [number for number in numbers if number > 0]

        def work(connection: sa.Connection) -> None:
            for first in range(0, len(told), _CHUNK):
                found = topics_of_numbers(connection, told[first : first + _CHUNK])
                own = (number for number, topic in found.items() if host_of_topic(topic) in session.hosts)
                acknowledge(connection, own)

        await self._store.write(work)
        session.in_hand.difference_update(told)

    async def postponed(self, session: Session, number: int, delay_s: float) -> None:
        """Let a message wait, when it is one that the agent has in hand."""
        if number not in session.in_hand:
            return
        until = self._clock() + min(max(0.0, delay_s), _LONGEST_DELAY_S)
        await self._store.write(lambda connection: postpone(connection, number, until=until))
        session.in_hand.discard(number)
        found = await self._store.read(lambda connection: waiting(connection, after=number - 1, limit=1))
        self._keep(row for row in found if row.number == number)
        self._woken.set()

    async def _look(self) -> None:
        after = max(0, self._last_seen - _OVERLAP)
        while True:
            page = await self._store.read(lambda connection: waiting(connection, after=after, limit=_PAGE))  # noqa: B023
            await self._take(page)
            if page:
                after = page[-1].number
                self._last_seen = max(self._last_seen, after)
            if len(page) < _PAGE:
                return

    async def _take(self, page: list[Waiting]) -> None:
        now = self._clock()
        for row in page:
            if row.topic == SCHEDULE_TOPIC:
                continue
            host = host_of_topic(row.topic)
            session = self._sessions.of(host)
            if session is None or row.number in session.in_hand:
                continue
            if row.not_before > now:
                self._keep([row])
            elif (problem := unreadable(row.body)) is not None:
                await self._drop(row, problem)
            else:
                session.deliver(row, host)

    async def _drop(self, row: Waiting, problem: str) -> None:
        """Take a message out that nobody can read, and keep a record of it."""
        _LOG.error("message %d on %s cannot be read and is dropped: %s", row.number, row.topic, problem)
        await self._store.write(lambda connection: drop(connection, row, problem, now=self._clock()))

    def _keep(self, rows: Iterable[Waiting]) -> None:
        for row in rows:
            if row.number not in self._postponed_numbers:
                self._postponed_numbers.add(row.number)
                heapq.heappush(self._postponed, (row.not_before, next(self._order), row))

    def _deliver_postponed(self) -> None:
        now = self._clock()
        while self._postponed and self._postponed[0][0] <= now:
            _, _, row = heapq.heappop(self._postponed)
            self._postponed_numbers.discard(row.number)
            host = host_of_topic(row.topic)
            session = self._sessions.of(host)
            if session is not None and unreadable(row.body) is None:
                session.deliver(row, host)

    def _pause_s(self) -> float:
        if not self._postponed:
            return _LOOK_INTERVAL_S
        return min(_LOOK_INTERVAL_S, max(0.001, self._postponed[0][0] - self._clock()))


def unreadable(body: str) -> str | None:
    """Return why a message cannot be given to a host, or None."""
    try:
        message = decode(body)
    except (msgspec.MsgspecError, UnicodeError) as error:
        return str(error)
    return "it is for the scheduler" if isinstance(message, Schedule) else None
