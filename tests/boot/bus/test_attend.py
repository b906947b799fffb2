"""The agent's side of the stream, alone: what happens to it while there is no conductor."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from engine.boot.bus.attend import AttendInbox
from engine.boot.conductor.client import ConductorClient


async def handler(host: str, method: str, body: dict[str, Any]) -> Any:
    return None


def test_it_waits_for_a_conductor_and_can_be_closed_meanwhile(nowhere: str) -> None:
    async def test() -> None:
        client = ConductorClient(nowhere)
        inbox = AttendInbox(client, "agent", ["h0"], handler)
        got = []

        async def take() -> None:
            got.extend([delivery async for delivery in inbox.deliveries()])

        taking = asyncio.create_task(take())
        await asyncio.sleep(0.3)
        assert not taking.done()
        inbox.acknowledge(1)
        began = time.monotonic()
        await inbox.close()
        await asyncio.wait_for(taking, 5)
        assert time.monotonic() - began < 4
        assert got == []
        await client.close()

    asyncio.run(test())


def test_one_that_nobody_read_can_be_closed(nowhere: str) -> None:
    async def test() -> None:
        client = ConductorClient(nowhere)
        inbox = AttendInbox(client, "agent", ["h0"], handler)
        await inbox.close()
        assert [delivery async for delivery in inbox.deliveries()] == []
        await client.close()

    asyncio.run(test())
