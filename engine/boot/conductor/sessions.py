"""The agents that attend, each on its stream: what is sent to it, what it has in hand, what it is asked."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from engine.boot.store.outbox import Waiting
from engine.errors import ConflictError, EngineError, InvalidRequestError, ServiceUnavailableError
from engine.v1 import conductor_service_pb2 as pb

_HOSTS = 100_000
_NAME_CHARACTERS = 255


class Session:
    """One agent's stream; ``outgoing`` ends with None."""

    def __init__(self, agent_id: str, hosts: frozenset[str]) -> None:
        self.agent_id = agent_id
        self.hosts = hosts
        self.outgoing: asyncio.Queue[pb.AttendResponse | None] = asyncio.Queue()
        self.in_hand: set[int] = set()
        self.error: EngineError | None = None
        self._calls: dict[int, asyncio.Future[str]] = {}
        self._numbers = itertools.count(1)

    def deliver(self, waiting: Waiting, host: str) -> None:
        """Send a message, once until it is given back."""
        if waiting.number not in self.in_hand:
            self.in_hand.add(waiting.number)
            delivery = pb.Delivery(message_id=waiting.number, host=host, body_json=waiting.body)
            self.outgoing.put_nowait(pb.AttendResponse(delivery=delivery))

    async def call(self, host: str, method: str, body_json: str, timeout_s: float) -> str:
        """Return the answer to a question; raise ServiceUnavailableError when none comes, ConflictError if refused."""
        number = next(self._numbers)
        answer = self._calls[number] = asyncio.get_running_loop().create_future()
        call = pb.Call(call_id=number, host=host, method=method, body_json=body_json)
        self.outgoing.put_nowait(pb.AttendResponse(call=call))
        try:
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError as error:
            raise ServiceUnavailableError(f"host {host} did not answer {method} within {timeout_s:g} s") from error
        finally:
            del self._calls[number]

    def answered(self, answer: pb.CallAnswer) -> None:
        """Hand an answer to whoever waits for it, if anybody does still."""
        waiting = self._calls.get(answer.call_id)
        if waiting is None or waiting.done():
            return
        if answer.error:
            waiting.set_exception(ConflictError(answer.error))
        else:
            waiting.set_result(answer.body_json)

    def end(self, error: EngineError | None = None) -> None:
        """End the stream, with an error where the agent is to know one."""
        self.error = self.error or error
        self.outgoing.put_nowait(None)
        for waiting in self._calls.values():
            if not waiting.done():
                waiting.set_exception(ServiceUnavailableError(f"agent {self.agent_id} went away"))


class Sessions:
    """The sessions by host, and since when a host that has none is away."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started_at = clock()
        self._of_host: dict[str, Session] = {}
        self._left_at: dict[str, float] = {}

    def open(self, subscription: pb.Subscription) -> Session:
        """Return the session of an agent, which takes its hosts over from whoever had them."""
        hosts = frozenset(subscription.hosts)
        if not hosts or len(hosts) > _HOSTS or not subscription.agent_id.strip():
            raise InvalidRequestError(f"an agent subscribes by its name for 1 to {_HOSTS} hosts")
        for host in hosts:
            if not host.strip() or len(host) > _NAME_CHARACTERS:
                raise InvalidRequestError(f"{host[:64]!r} cannot be a host's name")
        session = Session(subscription.agent_id, hosts)
        for older in {self._of_host[host] for host in hosts if host in self._of_host}:
            self._end(older, self._successor_error(older, session))
        for host in hosts:
            self._of_host[host] = session
            self._left_at.pop(host, None)
        return session

    def close(self, session: Session) -> None:
        """Forget a session that has ended; its hosts are away from now on."""
        now = self._clock()
        for host in session.hosts:
            if self._of_host.get(host) is session:
                del self._of_host[host]
                self._left_at[host] = now
        session.end()

    def close_all(self) -> None:
        """End every session; the agents come again."""
        for session in set(self._of_host.values()):
            session.end()

    def of(self, host: str) -> Session | None:
        """Return the session that a host has, or None."""
        return self._of_host.get(host)

    def hosts(self) -> list[str]:
        """Return the hosts that are attended."""
        return list(self._of_host)

    def away_since(self, host: str) -> float | None:
        """Return since when a host is away (seconds since 1970 UTC, this start at the earliest); None: it is not."""
        if host in self._of_host:
            return None
        return self._left_at.get(host, self._started_at)

    def _end(self, older: Session, error: EngineError | None) -> None:
        self.close(older)
        older.error = older.error or error

    def _successor_error(self, older: Session, newer: Session) -> EngineError | None:
        """Return why the older stream ends; an agent that comes again is only rid of its broken stream."""
        if older.agent_id == newer.agent_id:
            return None
        return ConflictError(
            f"agent {newer.agent_id} has taken over hosts of agent {older.agent_id}: one of them is enough"
        )
