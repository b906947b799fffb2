"""Turns are given in order, to so many at a time, and none is lost when who waits gives up."""

from __future__ import annotations

import asyncio
import random

import pytest

from engine.errors import BusyError, ShuttingDownError
from engine.service.capacity_turns import Turns


def test_turns_come_in_order_to_so_many_at_a_time_whoever_gives_up():
    async def scene(seed: int) -> None:
        chance = random.Random(seed)
        turns = Turns(2, 50)
        inside: set[int] = set()
        begun: list[int] = []

        async def one(number: int) -> None:
            async with turns.turn():
                inside.add(number)
                begun.append(number)
                assert len(inside) <= 2
                try:
                    for _ in range(chance.randrange(3)):
                        await asyncio.sleep(0)
                finally:
                    inside.discard(number)

        tasks = [asyncio.create_task(one(number)) for number in range(30)]
        for _ in range(40):
            await asyncio.sleep(0)
            chance.choice(tasks).cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        assert begun == sorted(begun)
        assert turns.waiting == 0
        # as many turns are free as there were
        async with turns.turn(), turns.turn():
            assert turns.waiting == 0

    for seed in range(50):
        asyncio.run(scene(seed))


def test_one_more_than_may_wait_is_sent_away():
    async def scene() -> None:
        turns = Turns(1, 1)
        async with turns.turn():
            waiting = asyncio.create_task(turns.turn().__aenter__())
            await asyncio.sleep(0)
            assert turns.waiting == 1
            assert turns.ahead == 2
            with pytest.raises(BusyError, match="1 questions wait already"):
                turns.check()
            with pytest.raises(BusyError):
                async with turns.turn():
                    raise AssertionError("no turn was free")
        await waiting

    asyncio.run(scene())


def test_nobody_may_wait_where_that_is_so_set():
    async def scene() -> None:
        turns = Turns(1, 0)
        turns.check()
        assert turns.ahead == 0
        async with turns.turn():
            with pytest.raises(BusyError):
                turns.check()

    asyncio.run(scene())


def test_who_waits_is_told_of_the_end():
    async def scene() -> None:
        turns = Turns(1, 5)
        async with turns.turn():
            waiting = [asyncio.create_task(turns.turn().__aenter__()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            turns.close(ShuttingDownError("the service is stopping"))
            found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(item) for item in found] == [ShuttingDownError, asyncio.CancelledError, ShuttingDownError]
        async with turns.turn():
            pass

    asyncio.run(scene())
