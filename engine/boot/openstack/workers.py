"""Blocking calls in a bounded pool of threads, so that a cancelled task never leaves one behind unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Result = TypeVar("_Result")


class Workers:
    """A pool of ``threads`` threads."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="openstack")

    async def run(self, function: Callable[[], _Result], *, has_effect: bool) -> _Result:
        """Return what ``function`` returns in a thread.

        When the task is cancelled, a function that ``has_effect`` is waited for (unless it has not begun): whoever
        undoes the effects then finds them, instead of being overtaken by them.
        """
        work = self._pool.submit(function)
        done = asyncio.wrap_future(work)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if has_effect and not work.cancel():
                await settled(done)
            raise

    def close(self) -> None:
        """Begin no more work; what runs ends by its own timeouts."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def settled(done: asyncio.Future[_Result]) -> None:
    """Wait for the end of work, however often the waiting task is cancelled."""
    while not done.done():
        try:
            await asyncio.wait({done})
        except asyncio.CancelledError:
            continue
    if not done.cancelled():
        done.exception()
