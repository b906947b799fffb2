from __future__ import annotations

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from engine.service.methods import Methods, in_bytes


class Plain(health_pb2_grpc.HealthServicer):
    """Answers messages with messages."""

    async def Check(self, request, context):  # noqa: N802
        assert isinstance(request, health_pb2.HealthCheckRequest)
        return health_pb2.HealthCheckResponse(status=len(request.service))

    async def Watch(self, request, context):  # noqa: N802
        yield health_pb2.HealthCheckResponse(status=2)


class InBytes(Plain):
    """Answers bytes with bytes."""

    @in_bytes
    async def Check(self, request, context):  # noqa: N802
        assert isinstance(request, bytes)
        if request == b"\xff":
            return b""
        service = health_pb2.HealthCheckRequest.FromString(request).service
        return health_pb2.HealthCheckResponse(status=len(service)).SerializeToString()


@pytest.mark.parametrize("servicer", [Plain, InBytes])
def test_unary_and_streaming_methods_are_found_and_others_are_not(servicer):
    async def run() -> None:
        methods = Methods()
        health_pb2_grpc.add_HealthServicer_to_server(servicer(), methods)
        server = grpc.aio.server(handlers=[methods])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            assert (await stub.Check(health_pb2.HealthCheckRequest(service="two!"[:2]))).status == 2
            watch = stub.Watch(health_pb2.HealthCheckRequest())
            assert [item.status async for item in watch] == [2]
            for path in ("/grpc.health.v1.Health/Nothing", "/no.Service/Check", "/", ""):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await channel.unary_unary(path)(b"")
                assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
        await server.stop(None)

    asyncio.run(run())


def test_bytes_that_are_no_message_reach_a_method_that_takes_bytes():
    async def run() -> None:
        methods = Methods()
        health_pb2_grpc.add_HealthServicer_to_server(InBytes(), methods)
        server = grpc.aio.server(handlers=[methods])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            assert await channel.unary_unary("/grpc.health.v1.Health/Check")(b"\xff") == b""
        await server.stop(None)

    asyncio.run(run())
