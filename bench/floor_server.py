"""The floor of the service: the same kind of server with the same messages, whose handlers only answer.

It is given whatever makes the service's own server fast: one look-up of methods, bytes instead of messages, a collector
that seldom runs.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import uvloop

from engine.client import MAX_MESSAGE_BYTES
from engine.service.memory import settle
from engine.service.methods import Methods, in_bytes
from engine.v1 import scheduler_service_pb2 as pb
from engine.v1 import scheduler_service_pb2_grpc

TOKEN_BYTES = 16


def unary_answer() -> pb.SelectDestinationsResponse:
    """Return an answer as long as the service's: a host and two alternates."""
    answer = pb.SelectDestinationsResponse(inventory_generation=4_000_001)
    selection = answer.selections.add(instance_uuid="b9a3c1de-0000-4000-8000-5f6e7d8c9b0a")
    selection.host.host_id = "cmp-z1-000123"
    selection.host.weight = 3.7490196078
    for _ in range(2):
        selection.alternates.add(host_id="cmp-z1-000124", weight=3.7490196078)
    return answer


class EmptyServicer(scheduler_service_pb2_grpc.SchedulerServiceServicer):
    """Answers every call with the same."""

    def __init__(self) -> None:
        self.answer = unary_answer().SerializeToString()

    @in_bytes
    async def SelectDestinations(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:  # noqa: N802
        return self.answer

    async def SelectDestinationsStream(  # noqa: N802
        self, request: AsyncIterator[Any], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[Any]:
        async for message in request:
            many = len(message.tokens) // TOKEN_BYTES
            yield pb.SelectDestinationsStreamResponse(
                sequence=message.sequence,
                outcomes=b"\x01" * many,
                host_codes=np.zeros(many, "<u4").tobytes(),
                new_host_ids=["cmp-z1-000123"] if message.sequence == 0 else [],
            )


async def serve(target: str) -> None:
    """Serve until told to stop."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ]
    )
    methods = Methods()
    # what protoc generates has no types
    scheduler_service_pb2_grpc.add_SchedulerServiceServicer_to_server(EmptyServicer(), methods)  # type: ignore[no-untyped-call]
    server.add_generic_rpc_handlers([methods])
    server.add_insecure_port(target)
    await server.start()
    settle()
    sys.stderr.write(f"floor: SERVING on {target}\n")
    sys.stderr.flush()
    await told.wait()
    await server.stop(1)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
