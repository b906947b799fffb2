from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.errors import ShuttingDownError
from engine.service.daemon_thread import in_daemon_thread
from engine.service.draining import until_draining


async def counting(many: int, silent_after: asyncio.Event | None = None) -> AsyncIterator[int]:
    for number in range(many):
        yield number
    if silent_after is not None:
        silent_after.set()
        await asyncio.Event().wait()


def test_messages_come_as_they_are_until_their_end():
    async def read() -> list[int]:
        return [number async for number in until_draining(counting(5), asyncio.Event())]

    assert asyncio.run(read()) == [0, 1, 2, 3, 4]


def test_waiting_for_a_message_ends_when_draining_begins():
    async def read() -> list[int]:
        draining, silent = asyncio.Event(), asyncio.Event()
        seen: list[int] = []

        async def drain() -> None:
            await silent.wait()
            draining.set()

        task = asyncio.ensure_future(drain())
        with pytest.raises(ShuttingDownError):
            async for number in until_draining(counting(3, silent), draining):
                seen.append(number)  # noqa: PERF401 - what came before the end counts
        await task
        return seen

    assert asyncio.run(read()) == [0, 1, 2]


def test_no_message_is_taken_once_draining():
    async def read() -> None:
        draining = asyncio.Event()
        draining.set()
        with pytest.raises(ShuttingDownError):
            await anext(until_draining(counting(3), draining))

    asyncio.run(read())


def test_an_error_of_the_messages_is_passed_on():
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ValueError("broken")

    async def read() -> None:
        messages = until_draining(broken(), asyncio.Event())
        assert await anext(messages) == 1
        with pytest.raises(ValueError, match="broken"):
            await anext(messages)

    asyncio.run(read())


def test_a_daemon_thread_returns_and_raises():
    def fail() -> None:
        raise ValueError("broken")

    async def work() -> None:
        assert await in_daemon_thread(lambda: 7) == 7
        with pytest.raises(ValueError, match="broken"):
            await in_daemon_thread(fail)

    asyncio.run(work())


def test_a_daemon_thread_outlives_who_waits_for_it():
    import threading

    go_on = threading.Event()

    async def work() -> None:
        waiting = asyncio.ensure_future(in_daemon_thread(lambda: go_on.wait(30)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        await asyncio.sleep(0.05)

    asyncio.run(work())
