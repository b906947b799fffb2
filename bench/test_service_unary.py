"""SelectDestinations over gRPC, one durable placement a call, against the same server with an empty handler."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pytest
import uvloop

from bench.floor_server import unary_answer
from bench.report import Figure, quartiles
from bench.servers import Server, berth, floor
from bench.workloads import UNARY, UnaryWork, chosen, times
from engine.client import Client
from engine.v1.request_spec_pb2 import Flavor, RequestSpec
from engine.v1.scheduler_service_pb2 import SelectDestinationsRequest
from engine.v1.scheduler_service_pb2_grpc import SchedulerServiceStub

FLAVOR = Flavor(name="general", vcpus=1, memory_mb=1024, root_gb=1)


@dataclass(frozen=True)
class Run:
    """What came of some calls: seconds in all, seconds of each, and the answers."""

    took_s: float
    latencies_s: list[float]
    answers: list[Any]


def call_many(target: str, calls: int, in_flight: int) -> Run:
    """Make so many calls, ``in_flight`` at a time, over one connection."""

    async def run() -> Run:
        options = [("grpc.enable_retries", 0), ("grpc.enable_http_proxy", 0)]
        async with grpc.aio.insecure_channel(target, options=options) as channel:
            call = SchedulerServiceStub(channel).SelectDestinations
            request = SelectDestinationsRequest(request_spec=RequestSpec(flavor_name=FLAVOR.name))
            latencies: list[float] = []
            answers: list[Any] = []
            left = iter(range(calls))

            async def caller() -> None:
                for _ in left:
                    began = time.perf_counter()
                    answers.append(await call(request))
                    latencies.append(time.perf_counter() - began)

            await channel.channel_ready()
            began = time.perf_counter()
            await asyncio.gather(*(caller() for _ in range(in_flight)))
            return Run(time.perf_counter() - began, latencies, answers)

    return uvloop.run(run())


def loop_cpu_s(server: Server) -> float:
    """Return the CPU time of a server's event loop, which is its first thread."""
    nanoseconds = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/schedstat").read_text().split()[0]
    return int(nanoseconds) / 1e9


def sync_ms(folder: Path, times_synced: int = 200) -> list[float]:
    """Return how long each write of 4 KiB at a file's end took with its fsync, in milliseconds."""
    took = []
    page = os.urandom(4096)
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(times_synced):
            began = time.perf_counter()
            file.write(page)
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1e3)
    return took


@dataclass
class Side:
    """One of the two servers, and what came of the rounds against it."""

    server: Server
    runs: list[Run] = field(default_factory=list)
    cpu_s: float = 0.0
    loop_s: float = 0.0

    def measure(self, work: UnaryWork) -> None:
        """Make one round of calls."""
        before, loop_before = self.server.cpu_s(), loop_cpu_s(self.server)
        self.runs.append(call_many(self.server.target, work.calls, work.in_flight))
        self.cpu_s += self.server.cpu_s() - before
        self.loop_s += loop_cpu_s(self.server) - loop_before

    def rates(self) -> list[float]:
        """Return each round's calls a second."""
        return [len(run.answers) / run.took_s for run in self.runs]

    def latency_ms(self, share: int) -> float:
        """Return a percentile of the latencies of all rounds."""
        return float(np.percentile([item for run in self.runs for item in run.latencies_s], share)) * 1e3

    def cpu_note(self) -> str:
        """Return the server's CPU time a call, and its event loop's part of it, in words."""
        calls = sum(len(run.answers) for run in self.runs)
        return f"{self.cpu_s / calls * 1e6:.0f} us ({self.loop_s / calls * 1e6:.0f} of them its loop)"


@pytest.mark.parametrize("work", chosen(UNARY), ids=lambda work: work.name)
def test_unary(
    work: UnaryWork,
    benchmark: Any,
    show: Callable[[Figure], None],
    fleet_of: Callable[[int], pa.Table],
    tmp_path: Path,
) -> None:
    with berth(tmp_path) as service, floor(tmp_path) as empty, Client(service.target) as client:
        client.import_hosts(fleet_of(work.hosts))
        client.update_flavors([FLAVOR])
        for server in (service, empty):
            call_many(server.target, max(work.in_flight * 8, 200), work.in_flight)
        ours, least = Side(service), Side(empty)
        synced: list[float] = []
        first = client.audit_allocations().allocations

        def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
            least.measure(work)
            synced.extend(sync_ms(tmp_path))
            return (), {}

        benchmark.pedantic(lambda: ours.measure(work), setup=setup, rounds=times(work.rounds))
        answers = [answer for run in ours.runs for answer in run.answers]
        assert len(answers) == times(work.rounds) * work.calls
        assert all(len(answer.selections) == 1 and answer.selections[0].host.host_id for answer in answers)
        assert len({answer.selections[0].instance_uuid for answer in answers}) == len(answers)
        assert abs(answers[-1].ByteSize() - unary_answer().ByteSize()) < 24
        audit = client.audit_allocations()
        assert audit.clean, audit.differences
        assert audit.allocations - first == len(answers)

    sync = float(np.median(synced))
    if work.in_flight > 1:
        rate, most = float(np.median(ours.rates())), float(np.median(least.rates()))
        note = f"server CPU a call {ours.cpu_note()}, empty {least.cpu_note()}"
        show(
            Figure(
                "unary",
                f"{work.name}, calls",
                rate,
                "/s",
                most,
                aim=f">= {work.aim}",
                note=note,
                spread=quartiles(ours.rates()),
            )
        )
    for share in (50, 99):
        alone = least.latency_ms(share)
        note = f"floor: empty handler {alone:.2f} ms, one fsync of 4 KiB {sync:.2f} ms"
        show(Figure("unary", f"{work.name}, p{share}", ours.latency_ms(share), "ms", alone + sync, note=note))
