"""Answers that are a moment old serve those who ask the same; failures and old answers do not."""

from __future__ import annotations

import asyncio

import pytest

from engine.boot.api.recent_answers import RecentAnswers


def test_those_who_ask_at_once_share_one_answer_and_the_next_moment_has_another() -> None:
    async def drill() -> None:
        asked = 0

        async def ask() -> int:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0.01)
            return asked

        recent = RecentAnswers(fresh_s=0.1)
        assert await asyncio.gather(*(recent.get("key", ask) for _ in range(50))) == [1] * 50
        assert await recent.get("another", ask) == 2
        await asyncio.sleep(0.12)
        assert await recent.get("key", ask) == 3

    asyncio.run(drill())


def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    async def drill() -> None:
        async def fail() -> int:
            raise ValueError("away")

        async def answer() -> int:
            return 7

        recent = RecentAnswers()
        failures = await asyncio.gather(*(recent.get("key", fail) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(failure, ValueError) for failure in failures)
        assert await recent.get("key", answer) == 7

    asyncio.run(drill())


def test_one_who_goes_away_leaves_the_answer_to_the_others() -> None:
    async def drill() -> None:
        async def slow() -> int:
            await asyncio.sleep(0.05)
            return 5

        recent = RecentAnswers()
        first = asyncio.create_task(recent.get("key", slow))
        second = asyncio.create_task(recent.get("key", slow))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 5
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(drill())


def test_no_more_than_a_bounded_number_is_kept() -> None:
    async def drill() -> int:
        async def answer() -> int:
            return 1

        recent = RecentAnswers()
        for number in range(1500):
            await recent.get(number, answer)
        return len(recent._known)

    assert asyncio.run(drill()) == 1000
