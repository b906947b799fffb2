"""The conductor's start and stop, and what it says when it cannot start."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from engine.boot.conductor.client import ConductorClient
from engine.boot.conductor.service import serve
from engine.client import Client
from engine.errors import EngineError, InvalidSettingError, ServiceUnavailableError
from tests.boot.conductor.harness import agent, conducting, settings_for


def start(tmp_path: Path, **options: Any) -> None:
    """Start, expecting that it cannot."""

    async def body() -> None:
        stop = asyncio.Event()
        stop.set()
        settings = settings_for(tmp_path, "127.0.0.1:1", **({"conductor": "127.0.0.1:0"} | options))
        await asyncio.wait_for(serve(settings, stop, lambda address: None), 20)

    asyncio.run(body())


def test_it_starts_without_anybody_else_and_stops_when_told(tmp_path: Path) -> None:
    async def test() -> None:
        stop = asyncio.Event()
        addresses: list[str] = []
        settings = settings_for(tmp_path, "127.0.0.1:1", conductor="127.0.0.1:0")
        serving = asyncio.create_task(serve(settings, stop, addresses.append))
        while not addresses:
            await asyncio.sleep(0.01)
        client = ConductorClient(addresses[0])
        assert await client.get_instance(str(uuid4())) is None
        assert (tmp_path / "boot" / "boot.db").is_file()
        async with agent(client, "h0"):
            await asyncio.sleep(0.1)
            began = time.monotonic()
            stop.set()
            await asyncio.wait_for(serving, 10)
            assert time.monotonic() - began < 5
        await client.close()

    asyncio.run(test())


def test_a_port_that_is_taken_is_explained(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InvalidSettingError, match="cannot listen"):
        start(tmp_path, conductor=f"127.0.0.1:{taken.getsockname()[1]}")


@pytest.mark.parametrize("target", ["nonsense", "127.0.0.1:99999999", "203.0.113.7:18776"])
def test_an_address_that_cannot_be_is_explained(tmp_path: Path, target: str) -> None:
    with pytest.raises(InvalidSettingError):
        start(tmp_path, conductor=target)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"database_url": "sqlite:////nowhere/at/all/boot.db"}, ServiceUnavailableError),
        ({"database_url": "nonsense"}, InvalidSettingError),
        ({"bus_url": "rabbit://somewhere"}, InvalidSettingError),
        ({"bus_url": "nats://127.0.0.1:1"}, ServiceUnavailableError),
    ],
)
def test_what_it_needs_and_has_not_is_explained(
    tmp_path: Path, options: dict[str, str], kind: type[EngineError]
) -> None:
    with pytest.raises(kind):
        start(tmp_path, **options)


def test_two_conductors_do_not_share_a_port(tmp_path: Path, scheduler: Client) -> None:
    async def test() -> None:
        async with conducting(tmp_path, scheduler) as conductor:
            port = int(conductor.target.rpartition(":")[2])
            with pytest.raises(InvalidSettingError):
                async with conducting(tmp_path, scheduler, port=port):
                    pass

    asyncio.run(test())
