"""Messages over a real NATS server, where there is one."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from engine.boot.bus.attend import AttendInbox
from engine.boot.bus.nats import JetStreamPublisher, NatsInbox
from engine.boot.bus.opening import open_inbox
from engine.boot.conductor.client import ConductorClient
from engine.boot.messages import Build, Delete, compute_topic, encode
from engine.errors import ServiceUnavailableError
from engine.v1 import conductor_service_pb2 as pb
from tests.boot.conductor.harness import CALLER, conducting, scheduler_with_hosts, until
from tests.ports import free_port

NATS = shutil.which("nats-server")
needs_nats = pytest.mark.skipif(NATS is None, reason="there is no nats-server here")


@pytest.fixture
def nats_url(tmp_path: Path) -> Iterator[str]:
    assert NATS is not None
    port = free_port()
    command = [NATS, "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(tmp_path / "nats")]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


async def handler(host: str, method: str, body: dict[str, Any]) -> Any:
    return None


async def publisher_at(url: str) -> JetStreamPublisher:
    for _ in range(50):
        try:
            return await JetStreamPublisher.connect(url)
        except ServiceUnavailableError:
            await asyncio.sleep(0.1)
    raise AssertionError("nats-server did not start")


def test_a_server_that_is_not_there_is_explained(nowhere: str) -> None:
    with pytest.raises(ServiceUnavailableError, match="NATS"):
        asyncio.run(JetStreamPublisher.connect(f"nats://{nowhere}", timeout_s=0.5))


@needs_nats
def test_messages_come_in_order_once_and_go_when_done(nats_url: str) -> None:
    async def test() -> None:
        publisher = await publisher_at(nats_url)
        sent = [Delete(instance_uuid=str(uuid4()), request_id=str(number)) for number in range(10)]
        for _ in range(2):
            for number, message in enumerate(sent):
                await publisher.publish(number, compute_topic("h0"), encode(message))
        client = ConductorClient("127.0.0.1:1")
        got: list[Any] = []
        arrived = got.append
        inbox = NatsInbox(nats_url, ["h0", "h1"], AttendInbox(client, "a", ["h0", "h1"], handler))

        async def take() -> None:
            async for delivery in inbox.deliveries():
                arrived(delivery)

        taking = asyncio.create_task(take())
        await until(lambda: len(got) == 10)
        assert [delivery.message for delivery in got] == sent
        await got[0].later(0.2)
        for delivery in got[1:]:
            await delivery.done()
        await until(lambda: len(got) == 11)
        assert got[10].message == sent[0]
        await got[10].done()
        await asyncio.sleep(0.3)
        assert len(got) == 11
        await inbox.close()
        await asyncio.wait_for(taking, 5)
        await publisher.close()
        await client.close()

    asyncio.run(test())


@needs_nats
def test_a_message_that_nobody_can_read_does_not_come_again(nats_url: str) -> None:
    async def test() -> None:
        publisher = await publisher_at(nats_url)
        good = Delete(instance_uuid=str(uuid4()), request_id="r")
        await publisher.publish(1, compute_topic("h0"), "garbage")
        await publisher.publish(2, compute_topic("h0"), encode(good))
        client = ConductorClient("127.0.0.1:1")
        inbox = NatsInbox(nats_url, ["h0"], AttendInbox(client, "a", ["h0"], handler))
        async for delivery in inbox.deliveries():
            assert delivery.message == good
            await delivery.done()
            break
        await inbox.close()
        await publisher.close()
        await client.close()

    asyncio.run(test())


@needs_nats
def test_builds_go_through_nats_from_cast_to_end(nats_url: str, tmp_path: Path) -> None:
    """The conductor relays, the agent pulls, and questions still go over the conductor's own stream."""

    async def answer(host: str, method: str, body: dict[str, Any]) -> Any:
        return [host, method]

    async def test() -> None:
        await (await publisher_at(nats_url)).close()
        with scheduler_with_hosts(tmp_path) as scheduler:
            async with conducting(tmp_path, scheduler, bus_url=nats_url) as conductor:
                uuid = await conductor.add()
                conductor.client.wake_up()
                inbox = open_inbox(nats_url, conductor.client, "a", ["h0"], answer)
                async for delivery in inbox.deliveries():
                    assert isinstance(delivery.message, Build)
                    begun = await conductor.client.start_build(uuid, "h0", delivery.message.attempt)
                    assert begun.order == pb.BUILD_ORDER_START
                    assert (await conductor.row(uuid)).scheduling["caller"]["token"] == CALLER.token
                    assert await conductor.client.finish_build(uuid, "h0", 1, power_state=1) == pb.BUILD_ORDER_START
                    await delivery.done()
                    break
                assert await conductor.client.call_host("h0", "domains", {}) == ["h0", "domains"]
                assert await conductor.casts() == []
                await inbox.close()

    asyncio.run(test())
