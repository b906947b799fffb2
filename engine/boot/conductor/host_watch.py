"""Which hosts are dead: away from here, and not heard of by the scheduler either, for longer than is allowed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from engine.boot.conductor.allocations import Allocations
from engine.boot.conductor.sessions import Sessions
from engine.errors import EngineError

_AT_A_TIME = 8
_LOG = logging.getLogger("berth.recovery")


class HostWatch:
    """Judges hosts by their agents' streams and, as they may attend another conductor, by their heartbeats."""

    def __init__(
        self,
        sessions: Sessions,
        allocations: Allocations,
        *,
        dead_after_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sessions = sessions
        self._allocations = allocations
        self._dead_after_s = dead_after_s
        self._clock = clock

    async def dead(self, hosts: Iterable[str]) -> frozenset[str]:
        """Return those of the hosts that are dead; while the scheduler cannot be asked, none is called so."""
        before = self._clock() - self._dead_after_s
        away = [host for host in hosts if (since := self._sessions.away_since(host)) is not None and since <= before]
        slots = asyncio.Semaphore(_AT_A_TIME)

        async def is_dead(host: str) -> bool:
            async with slots:
                try:
                    return await self._allocations.last_seen(host) <= before
                except EngineError as error:
                    _LOG.warning("host %s is away, the scheduler cannot say for how long: %s", host, error.message)
                    return False

        verdicts = await asyncio.gather(*(is_dead(host) for host in away))
        return frozenset(host for host, dead in zip(away, verdicts, strict=True) if dead)
