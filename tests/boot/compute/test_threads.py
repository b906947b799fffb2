"""Blocking work is never left running behind a cancellation."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.boot.compute.threads import in_thread


def test_results_and_errors_come_back() -> None:
    async def work() -> None:
        with ThreadPoolExecutor(1) as threads:
            assert await in_thread(threads, divmod, 7, 2) == (3, 1)
            with pytest.raises(ZeroDivisionError):
                await in_thread(threads, divmod, 7, 0)

    asyncio.run(work())


@pytest.mark.parametrize("fails", [False, True])
def test_a_cancelled_call_is_brought_to_its_end_first(fails: bool) -> None:
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert go_on.wait(5)
        over.set()
        if fails:
            raise ValueError("too late to matter")

    async def work() -> None:
        with ThreadPoolExecutor(1) as threads:
            task = asyncio.create_task(in_thread(threads, slow))
            while not begun.is_set():
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.sleep(0.01)
            assert not task.done()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert over.is_set()

    asyncio.run(work())
