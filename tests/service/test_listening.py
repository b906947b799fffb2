from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from engine.errors import InvalidSettingError
from engine.service import listening
from engine.service.health import Health
from engine.service.listening import Address, parsed_address, started_server

MB = 1024 * 1024


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of this machine where someone else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("[::1]:7474", Address("[::1]", 7474)),
        ("localhost:65535", Address("localhost", 65_535)),
    ],
)
def test_an_address_is_a_host_and_a_port(listen, address):
    assert parsed_address(listen) == address
    assert address.text == listen


@pytest.mark.parametrize(
    "listen",
    ["", ":", "localhost", ":1", "h:", "h:-1", "h:1.5", "h:65536", "h:" + "9" * 5000, "h:\uff11", "h: 1", "h:0x1"],
)
def test_what_is_no_address_is_refused(listen):
    with pytest.raises(InvalidSettingError, match="HOST:PORT") as wrong:
        parsed_address(listen)
    assert wrong.value.details["setting"] == "listen"


@pytest.mark.parametrize("listen", ["::1:7474", "[::1:7474", "::1]:7474", "[]:7474", "[[::1]]:7474"])
def test_an_ipv6_address_needs_its_brackets(listen):
    with pytest.raises(InvalidSettingError, match="IPv6"):
        parsed_address(listen)


def started(address: Address, made: list[grpc.aio.Server]) -> str:
    """Where a server with one service listens, asked there whether it serves; ``made`` are the servers made for it."""

    async def run() -> str:
        health = Health()

        def add(server: grpc.aio.Server) -> None:
            made.append(server)
            health_pb2_grpc.add_HealthServicer_to_server(health, server)

        server, target = await started_server(address, MB, add)
        await health.set("", health_pb2.HealthCheckResponse.SERVING)
        async with grpc.aio.insecure_channel(target) as channel:
            reply = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            assert reply.status == health_pb2.HealthCheckResponse.SERVING
        await server.stop(None)
        return target

    return asyncio.run(run())


def test_a_server_answers_where_it_listens():
    host, _, port = started(Address("127.0.0.1", 0), []).rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0


@pytest.mark.parametrize("host", ["192.0.2.1", "no host", "x" * 300, "\x00", "localhost.invalid"])
def test_no_server_is_made_for_an_address_that_cannot_be_had(host):
    made: list[grpc.aio.Server] = []
    with pytest.raises(InvalidSettingError, match="cannot listen on"):
        started(Address(host, 1), made)
    assert not made


def test_no_server_is_made_for_a_port_that_is_taken(taken):
    made: list[grpc.aio.Server] = []
    with pytest.raises(InvalidSettingError, match=f":{taken}: the port is taken"):
        started(Address("127.0.0.1", taken), made)
    assert not made


def test_a_port_taken_at_the_last_moment_is_refused_too(taken, monkeypatch):
    async def seems_free(address: Address) -> None:
        """What was found a moment before someone else took the port."""

    monkeypatch.setattr(listening, "_try", seems_free)
    for _ in range(5):
        made: list[grpc.aio.Server] = []
        with pytest.raises(InvalidSettingError, match=f":{taken}: the port is taken"):
            started(Address("127.0.0.1", taken), made)
        assert len(made) == 1
        made.clear()
        # a server that was never started would end the process here
        gc.collect()
