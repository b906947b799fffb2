"""Batches over one stream into a durable ledger, the client included, against a server that only answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.report import Figure, number
from bench.servers import berth, floor
from bench.workloads import QUICK, SEED, STREAM, StreamWork, chosen, times
from engine.client import Client
from engine.v1.request_spec_pb2 import Flavor
from engine.v1.scheduler_service_pb2 import PLACEMENT_OUTCOME_PLACED, SelectDestinationsStreamRequest

RELEASED_AFTER = 2
"""How many batches later an instance is given back, where a workload gives any back."""


def flavor_messages(many: int) -> list[Flavor]:
    """Return small flavors of as many sizes, so that the fleet takes all of a run."""
    return [
        Flavor(name=f"f{number}", vcpus=1 + number % 2, memory_mb=256 * (1 + number % 8), root_gb=number % 3)
        for number in range(many)
    ]


def messages(work: StreamWork, batches: int, turn: int) -> Iterator[SelectDestinationsStreamRequest]:
    """Yield the batches of one round; no token comes twice in any round."""
    rng = np.random.default_rng([SEED, turn])
    names = [flavor.name for flavor in flavor_messages(work.flavors)]
    earlier: list[bytes] = []
    for sequence in range(batches):
        tokens = rng.bytes(16 * work.batch)
        gone = earlier[-RELEASED_AFTER] if work.releases and len(earlier) >= RELEASED_AFTER else b""
        positions = np.arange(len(gone) // 16, dtype="<u4")
        yield SelectDestinationsStreamRequest(
            flavor_names=names,
            flavor_codes=(np.arange(work.batch) % work.flavors).astype("<u4").tobytes(),
            tokens=tokens,
            release_consumers=gone,
            release_positions=positions.tobytes(),
            sequence=sequence,
        )
        earlier.append(tokens)


@pytest.mark.parametrize("work", chosen(STREAM), ids=lambda work: work.name)
def test_stream(
    work: StreamWork,
    benchmark: Any,
    show: Callable[[Figure], None],
    fleet_of: Callable[[int], pa.Table],
    tmp_path: Path,
) -> None:
    batches = 20 if QUICK else work.batches
    with (
        berth(tmp_path) as service,
        floor(tmp_path) as empty,
        Client(service.target) as client,
        Client(empty.target) as nothing,
    ):
        client.import_hosts(fleet_of(work.hosts))
        client.update_flavors(flavor_messages(work.flavors))
        floors: list[float] = []
        placed: list[int] = []
        released: list[int] = []
        turns = iter(range(1_000))
        used_by: dict[str, float] = {"server": 0.0, "client": 0.0}

        def run(through: Client, turn: int) -> tuple[int, int]:
            """Return how many requests were placed, and how many instances given back."""
            answers = list(through.stream(messages(work, batches, turn), window=work.window))
            good = sum(int((answer.outcomes == PLACEMENT_OUTCOME_PLACED).sum()) for answer in answers)
            return good, sum(answer.released for answer in answers)

        def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
            began = time.perf_counter()
            run(nothing, 0)
            floors.append(time.perf_counter() - began)
            return (next(turns),), {}

        def place(turn: int) -> None:
            server_s, client_s = service.cpu_s(), time.process_time()
            good, gone = run(client, turn)
            used_by["server"] += service.cpu_s() - server_s
            used_by["client"] += time.process_time() - client_s
            placed.append(good)
            released.append(gone)

        benchmark.pedantic(place, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
        assert placed == [batches * work.batch] * len(placed)
        given_back = (batches - RELEASED_AFTER) * work.batch if work.releases else 0
        assert released == [given_back] * len(placed)
        audit = client.audit_allocations()
        assert audit.clean, audit.differences
        assert audit.allocations == sum(placed) - sum(released)

    rate = batches * work.batch / benchmark.stats.stats.median
    floor_rate = batches * work.batch / float(np.median(floors[1:]))
    each = ", ".join(f"{who} {used_s / sum(placed) * 1e6:.1f} us" for who, used_s in used_by.items())
    note = f"CPU a placement: {each}"
    show(Figure("stream", work.name, rate, "/s", floor_rate, aim=f">= {number(work.aim)} /s", note=note))
