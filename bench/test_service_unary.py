"""SelectDestinations over gRPC, one durable placement a call, against the same server with an empty handler."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pytest
import uvloop

from bench.floor_server import unary_answer
from bench.report import Figure
from bench.servers import berth, floor
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
            call_many(server.target, max(work.in_flight * 4, 200), work.in_flight)
        runs: list[Run] = []
        floors: list[Run] = []
        used = {service: 0.0, empty: 0.0}
        first = client.audit_allocations().allocations

        def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
            before = empty.cpu_s()
            floors.append(call_many(empty.target, work.calls, work.in_flight))
            used[empty] += empty.cpu_s() - before
            return (), {}

        def place() -> None:
            before = service.cpu_s()
            runs.append(call_many(service.target, work.calls, work.in_flight))
            used[service] += service.cpu_s() - before

        benchmark.pedantic(place, setup=setup, rounds=times(work.rounds))
        answers = [answer for run in runs for answer in run.answers]
        assert len(answers) == times(work.rounds) * work.calls
        assert all(len(answer.selections) == 1 and answer.selections[0].host.host_id for answer in answers)
        assert len({answer.selections[0].instance_uuid for answer in answers}) == len(answers)
        assert abs(answers[-1].ByteSize() - unary_answer().ByteSize()) < 24
        audit = client.audit_allocations()
        assert audit.clean, audit.differences
        assert audit.allocations - first == len(answers)

    made = len(answers)
    latencies = np.array([item for run in runs for item in run.latencies_s]) * 1e3
    floor_latencies = np.array([item for run in floors for item in run.latencies_s]) * 1e3
    if work.in_flight > 1:
        rate = work.calls / float(np.median([run.took_s for run in runs]))
        floor_rate = work.calls / float(np.median([run.took_s for run in floors]))
        cpu, floor_cpu = (used[server] / made * 1e6 for server in (service, empty))
        note = f"server CPU {cpu:.0f} us a call, empty {floor_cpu:.0f}"
        show(Figure("unary", f"{work.name}, calls", rate, "/s", floor_rate, aim=">= 0.7", note=note))
    for share in (50, 99):
        value, least = (float(np.percentile(times_ms, share)) for times_ms in (latencies, floor_latencies))
        show(Figure("unary", f"{work.name}, p{share}", value, "ms", least))
