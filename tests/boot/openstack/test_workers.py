"""What becomes of a call whose task is cancelled."""

from __future__ import annotations

import asyncio
import time

import pytest

from engine.boot.openstack import Clouds
from tests.boot.openstack.stage import USER, run, stage

PORT = {"port": {"id": "p1"}}


def test_a_cancelled_write_is_over_before_its_task_ends() -> None:
    done: list[float] = []

    async def work(clouds: Clouds) -> None:
        call = asyncio.ensure_future(clouds.networks.create_port(USER, {}))
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert done

    with stage() as play:
        play.answer("POST", "/v2.0/ports", 201, PORT, delay_s=0.5, then=lambda: done.append(time.monotonic()))
        run(work, play.options())


def test_a_cancelled_read_is_left_at_once() -> None:
    async def work(clouds: Clouds) -> float:
        call = asyncio.ensure_future(clouds.networks.get_port(USER, "p1"))
        await asyncio.sleep(0.2)
        call.cancel()
        started = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await call
        return time.monotonic() - started

    with stage() as play:
        play.answer("GET", "/v2.0/ports/p1", 200, PORT, delay_s=1.0)
        assert run(work, play.options()) < 0.5


def test_a_write_that_was_cancelled_before_it_began_never_begins() -> None:
    async def work(clouds: Clouds) -> None:
        first = asyncio.ensure_future(clouds.networks.create_port(USER, {"name": "first"}))
        await asyncio.sleep(0.05)
        second = asyncio.ensure_future(clouds.networks.create_port(USER, {"name": "second"}))
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.wait({second})
        assert not first.done()
        await first

    with stage() as play:
        play.answer("POST", "/v2.0/ports", 201, PORT, delay_s=0.4)
        run(work, play.options(), threads=1)
        assert [seen.body["port"]["name"] for seen in play.requests] == ["first"]
