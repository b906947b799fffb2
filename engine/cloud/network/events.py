"""What nova-api is told: events wait in the database until it has answered for them, through crashes of either side."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from keystoneauth1 import exceptions as ksa
from keystoneauth1.session import Session
from sqlalchemy import Connection, bindparam, delete, func, select, update
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from engine.cloud.database import Database
from engine.cloud.network.schema import events

_LOG = logging.getLogger("berth.network")
_BATCH = 200
_MOST_REFUSALS = 8
_TIMEOUT_S = 10.0
_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 3.0
_HEADERS = {"X-OpenStack-Nova-API-Version": "2.1"}


class _AwayError(Exception):
    """nova-api, or identity before it, could not be asked."""


def add_event(connection: Connection, name: str, status: str, *, server_uuid: str, port_id: str) -> None:
    """Have nova-api told of a port's event, if, and only if, the transaction is committed."""
    connection.execute(events.insert().values(name=name, status=status, server_uuid=server_uuid, tag=port_id))


def forget_events(connection: Connection, port_id: str) -> None:
    """Drop what is still to be told of a port that is gone."""
    connection.execute(delete(events).where(events.c.tag == port_id))


class EventSender:
    """Sends waiting events to nova-api at ``compute_url``, in the order they came, one request at a time.

    What gathers while a request is under way goes in the next one. An event that nova-api cannot place yet (its
    instance has no host) is sent again a few times; all are kept while nova-api is away.
    """

    def __init__(self, database: Database, session: Session, compute_url: str) -> None:
        self._database = database
        self._session = session
        self._url = compute_url.rstrip("/") + "/os-server-external-events"
        self._wake = asyncio.Event()
        self._progress = asyncio.Condition()

    def wake(self) -> None:
        """Look for events now."""
        self._wake.set()

    async def told(self, port_id: str, *, timeout_s: float) -> None:
        """Return when nothing is left to tell of a port, or after a time."""
        self.wake()
        try:
            async with asyncio.timeout(timeout_s), self._progress:
                await self._progress.wait_for(lambda: not self._waiting_of(port_id))
        except TimeoutError:
            _LOG.warning("nova-api has not been told of port %s within %s s", port_id, timeout_s)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until ``stop`` is set; a request under way is finished."""

        async def pause(seconds: float) -> None:
            await first_of(stop, timeout_s=seconds)

        def ended(_: RetryCallState) -> bool:
            return stop.is_set()

        patient = AsyncRetrying(
            retry=retry_if_exception_type(_AwayError),
            wait=wait_exponential_jitter(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S, jitter=_FIRST_WAIT_S),
            stop=ended,
            sleep=pause,
            before_sleep=_note,
            retry_error_callback=lambda _: None,
        )
        while not stop.is_set():
            self._wake.clear()
            next_at: float | None = await patient(self._send_due)
            if next_at is None or next_at > time.time():
                timeout = None if next_at is None else next_at - time.time()
                await first_of(stop, self._wake, timeout_s=timeout)

    async def _send_due(self) -> float | None:
        """Send what is due; return when the next is, None when nothing waits. Raises _AwayError."""
        with self._database.read() as connection:
            due = connection.execute(
                select(events).where(events.c.not_before <= time.time()).order_by(events.c.number).limit(_BATCH)
            ).all()
        if due:
            told = [
                {"name": event.name, "status": event.status, "server_uuid": event.server_uuid, "tag": event.tag}
                for event in due
            ]
            codes = await asyncio.to_thread(self._post, told)
            self._settle(due, codes)
            async with self._progress:
                self._progress.notify_all()
        with self._database.read() as connection:
            next_at: float | None = connection.execute(select(func.min(events.c.not_before))).scalar()
        return next_at

    def _post(self, told: list[dict[str, str]]) -> list[int]:
        """Send events and return nova-api's code for each; runs in a thread. Raises _AwayError."""
        try:
            reply = self._session.post(
                self._url,
                json={"events": told},
                headers=_HEADERS,
                raise_exc=False,
                authenticated=True,
                timeout=_TIMEOUT_S,
            )
            content = reply.json() if reply.status_code in (200, 207) else None
        except (ksa.ClientException, ValueError) as error:
            raise _AwayError(str(error)) from error
        if reply.status_code == 400 and len(told) > 1:
            # one that can never be taken must not take the others along
            return [code for one in told for code in self._post([one])]
        if reply.status_code in (400, 404):
            return [reply.status_code] * len(told)
        if content is None:
            raise _AwayError(f"nova-api answered {reply.status_code}")
        return _codes_in(content, told)

    def _settle(self, sent: Sequence[Any], codes: Sequence[int]) -> None:
        """Remove what was answered; what has no host yet comes again later."""
        done, later = [], []
        for event, code in zip(sent, codes, strict=True):
            if code == 422 and event.refusals < _MOST_REFUSALS:
                wait = min(_FIRST_WAIT_S * 2**event.refusals, _LONGEST_WAIT_S)
                later.append({"event": event.number, "refused": event.refusals + 1, "at": time.time() + wait})
                continue
            if code != 200:
                _LOG.warning("nova-api refused %s for port %s with %s", event.name, event.tag, code)
            done.append({"event": event.number})
        number = events.c.number == bindparam("event")
        with self._database.write() as connection:
            if done:
                connection.execute(delete(events).where(number), done)
            if later:
                moved = update(events).where(number)
                connection.execute(moved.values(refusals=bindparam("refused"), not_before=bindparam("at")), later)

    def _waiting_of(self, port_id: str) -> bool:
        with self._database.read() as connection:
            return connection.execute(select(events.c.number).where(events.c.tag == port_id)).first() is not None


def _codes_in(content: object, told: Sequence[dict[str, str]]) -> list[int]:
    """Return the code for each event, found by what it is about; one that is not spoken of is done."""
    answered = content.get("events", ()) if isinstance(content, dict) else ()
    by_event = {
        (event.get("name"), event.get("server_uuid"), event.get("tag")): event.get("code")
        for event in answered
        if isinstance(event, dict)
    }
    codes = (by_event.get((event["name"], event["server_uuid"], event["tag"])) for event in told)
    return [code if isinstance(code, int) else 200 for code in codes]


def _note(state: RetryCallState) -> None:
    failure = state.outcome.exception() if state.outcome else None
    if state.attempt_number in (1, 10, 100):
        _LOG.warning("nova-api cannot be told of events, they are kept: %s", failure)


async def first_of(*signals: asyncio.Event, timeout_s: float | None) -> None:
    """Return when one of the events is set, or after a time."""
    waits = [asyncio.create_task(signal.wait()) for signal in signals]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
