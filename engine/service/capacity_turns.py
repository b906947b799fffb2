"""Turns: so many questions are worked on at a time, some more wait, and the rest are told to come back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.errors import BusyError, EngineError


class Turns:
    """Lets ``at_once`` in, the others in the order they came, of whom at most ``waiting`` wait."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once = at_once
        self._free = at_once
        self._most = waiting
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @property
    def ahead(self) -> int:
        """How many would be before one who came now: those whose turn it is and those who wait, 0 for a free turn."""
        return 0 if self._free else self._at_once + len(self._queue)

    def check(self) -> None:
        """Raise BusyError where one more would have to wait and as many as may do."""
        if not self._free and len(self._queue) >= self._most:
            raise BusyError(
                f"{len(self._queue)} questions wait already, and more than {self._most} may not: ask again later",
                waiting=len(self._queue),
            )

    def close(self, error: EngineError) -> None:
        """Raise an error in all who wait."""
        while self._queue:
            following = self._queue.popleft()
            if not following.done():
                following.set_exception(error)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the block ends; raise BusyError as ``check`` does."""
        self.check()
        if self._free:
            self._free -= 1
        else:
            mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queue.append(mine)
            try:
                await mine
            except BaseException:
                if mine in self._queue:
                    self._queue.remove(mine)
                elif mine.done() and not mine.cancelled() and mine.exception() is None:
                    self._pass_on()
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        """Give a turn that is over to the one who waits longest."""
        while self._queue:
            following = self._queue.popleft()
            if not following.done():
                following.set_result(None)
                return
        self._free += 1
