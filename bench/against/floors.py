"""What no durable service over gRPC does without: a call to a server with an empty handler, and one fsync."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import grpc

from bench.against.results import Floor
from bench.servers import floor
from engine.v1.request_spec_pb2 import RequestSpec
from engine.v1.scheduler_service_pb2 import SelectDestinationsRequest
from engine.v1.scheduler_service_pb2_grpc import SchedulerServiceStub

_PAGE_BYTES = 4096


def empty_calls(folder: Path, calls: int) -> Floor:
    """Return the round trips of calls, one at a time, to a server in a process of its own that only answers."""
    request = SelectDestinationsRequest(request_spec=RequestSpec(flavor_name="general"))
    with floor(folder) as server, grpc.insecure_channel(server.target) as channel:
        call = SchedulerServiceStub(channel).SelectDestinations  # type: ignore[no-untyped-call]
        for _ in range(50):
            call(request)
        return Floor("one gRPC call to an empty handler", _each(calls, lambda: call(request)))


def fsyncs(folder: Path, times: int) -> Floor:
    """Return what it takes to append 4 KiB to a file in ``folder`` and to have it on disk."""
    with (folder / "journal").open("ab", buffering=0) as journal:

        def write() -> None:
            journal.write(bytes(_PAGE_BYTES))
            os.fsync(journal.fileno())

        write()
        return Floor("one fsync of 4 KiB", _each(times, write))


def _each(times: int, work: Callable[[], object]) -> tuple[float, ...]:
    """Return the seconds of each of some repetitions."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return tuple(found)
