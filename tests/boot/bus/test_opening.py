"""The inbox that the settings ask for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.boot.bus.attend import AttendInbox
from engine.boot.bus.nats import NatsInbox
from engine.boot.bus.opening import open_inbox
from engine.boot.conductor.client import ConductorClient
from engine.errors import InvalidRequestError, InvalidSettingError


async def handler(host: str, method: str, body: dict[str, Any]) -> Any:
    return None


def inbox(bus_url: str, *hosts: str) -> Any:
    async def make() -> Any:
        client = ConductorClient("127.0.0.1:1")
        try:
            return open_inbox(bus_url, client, "agent", hosts or ("h0",), handler)
        finally:
            await client.close()

    return asyncio.run(make())


def test_the_setting_chooses() -> None:
    assert isinstance(inbox(""), AttendInbox)
    assert isinstance(inbox("nats://127.0.0.1:4222"), NatsInbox)


def test_another_bus_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match=r"boot\.bus_url"):
        inbox("amqp://127.0.0.1")


def test_a_host_that_the_bus_cannot_name_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        inbox("nats://127.0.0.1:4222", "a b")
