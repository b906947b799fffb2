"""What the other services have just answered: many boots at once ask the same thing only once."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

Result = TypeVar("Result")

_KEPT = 1_000


class RecentAnswers:
    """Answers by what was asked and by whom, for ``fresh_s``; those who ask meanwhile wait for the first one's answer.

    An answer this old decides nothing for good: the compute host asks anew before it builds. Failures are not kept.
    """

    def __init__(self, *, fresh_s: float = 0.1) -> None:
        self._fresh_s = fresh_s
        self._known: OrderedDict[Hashable, tuple[float, asyncio.Task[Any]]] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Return the recent answer under ``key``, or what ``ask`` returns now; raises what ``ask`` raises."""
        now = time.monotonic()
        known = self._known.get(key)
        if known is None or now - known[0] >= self._fresh_s:
            known = now, asyncio.ensure_future(_awaited(ask))
            known[1].add_done_callback(lambda task: self._forget_failure(key, task))
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        # one who goes away does not take the answer from the others
        result: Result = await asyncio.shield(known[1])
        return result

    def _forget_failure(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or task.exception() is not None:
            known = self._known.get(key)
            if known is not None and known[1] is task:
                del self._known[key]


async def _awaited(ask: Callable[[], Awaitable[Result]]) -> Result:
    return await ask()
