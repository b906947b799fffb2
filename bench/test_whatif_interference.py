"""What a what-if on a live service costs who places meanwhile: nothing but what a neighbour on the machine costs.

Rounds with and without one take turns. Placements are paced, one at a time, and timed from when they were due, so that
one that is held up makes those behind it late too. All of a round is given back after it: each round begins with the
same fleet, and must place every instance where the others did.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.report import Figure, quartiles
from bench.servers import berth
from bench.workloads import chosen, count_text, times
from engine.client import Client
from engine.errors import EngineError
from engine.v1.request_spec_pb2 import Flavor, RequestSpec

FLAVOR = Flavor(name="general", vcpus=4, memory_mb=8192, root_gb=10)
_RATE = 200
"""Placements a second."""
_FILL_BATCH = 1000
_SNAPSHOT_REST_S = 1.0
"""Between snapshots that are only taken: those who ask take one for each question."""
SCENARIOS = {
    "fail": '[fleet]\nlive = "self"\n[fail]\nof = ["host"]\n',
    "replay": (
        '[fleet]\nlive = "self"\n[workload.mix]\nflavors = {general = 1.0}\nper_hour = 200000\nduration = "10h"\n'
        'lifetime = {kind = "exponential", mean = "2h"}\n'
    ),
    "snapshot": "",
}


@dataclass(frozen=True)
class Interference:
    """What goes on beside placing on so many hosts, that hold so many instances."""

    hosts: int
    beside: str
    instances: int = 100_000
    calls: int = 1000
    rounds: int = 3
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)} hosts, {self.beside}"


WORKS = (
    Interference(10_000, "fail", instances=2_000, calls=100, rounds=1, quick=True),
    Interference(100_000, "fail"),
    Interference(100_000, "replay"),
    Interference(100_000, "snapshot"),
)


@dataclass
class Side:
    """The rounds of one kind: seconds from when each placement was due to its answer, and the hosts chosen."""

    latencies_s: list[list[float]] = field(default_factory=list)
    hosts: list[list[str]] = field(default_factory=list)

    def percentiles_ms(self, share: int) -> list[float]:
        """Each round's percentile."""
        return [float(np.percentile(latencies, share)) * 1e3 for latencies in self.latencies_s]


def place(client: Client, calls: int, side: Side) -> None:
    """Place paced instances one by one, note what came of it, and give all of them back."""
    request = RequestSpec(flavor_name=FLAVOR.name)
    latencies, hosts, names = [], [], []
    began = time.perf_counter() + 0.01
    for number in range(calls):
        due = began + number / _RATE
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
        (selection,) = client.select_destinations(request).selections
        latencies.append(time.perf_counter() - due)
        hosts.append(selection.host.host_id)
        names.append(selection.instance_uuid)
    client.release_allocations(names)
    side.latencies_s.append(latencies)
    side.hosts.append(hosts)


def keep_asking(target: str, beside: str, out: Path, at_work: Event, asked: Any) -> None:
    """Ask again and again; tell when work has begun, and how many answers came."""

    def on_progress(what: str, done: int, total: int) -> None:
        at_work.set()

    with Client(target) as client:
        while True:
            if beside == "snapshot":
                at_work.set()
                client.snapshot()
                time.sleep(_SNAPSHOT_REST_S)
            else:
                client.ask(beside, SCENARIOS[beside], out, on_progress=on_progress)
            with asked.get_lock():
                asked.value += 1


@contextmanager
def asking(target: str, beside: str, out: Path) -> Iterator[Any]:
    """Have a process of its own ask during the block."""
    context = get_context("spawn")
    at_work, asked = context.Event(), context.Value("i", 0)
    process = context.Process(target=keep_asking, args=(target, beside, out, at_work, asked), daemon=True)
    process.start()
    try:
        assert at_work.wait(60)
        yield asked
        assert process.is_alive()
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize("work", chosen(WORKS), ids=lambda work: work.name)
def test_placing_beside_a_what_if(
    work: Interference,
    benchmark: Any,
    show: Callable[[Figure], None],
    fleet_of: Callable[[int], pa.Table],
    tmp_path: Path,
) -> None:
    alone, beside = Side(), Side()
    with berth(tmp_path) as service, Client(service.target) as client:
        client.import_hosts(fleet_of(work.hosts))
        client.update_flavors([FLAVOR])
        batch = RequestSpec(flavor_name=FLAVOR.name, num_instances=_FILL_BATCH)
        for _ in range(work.instances // _FILL_BATCH):
            client.select_destinations(batch)
        place(client, work.calls, Side())
        answers = 0

        def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
            place(client, work.calls, alone)
            return (), {}

        def one_round() -> None:
            nonlocal answers
            with asking(service.target, work.beside, tmp_path / "out") as asked:
                place(client, work.calls, beside)
                answers += asked.value

        benchmark.pedantic(one_round, setup=setup, rounds=times(work.rounds))
        assert all(hosts == alone.hosts[0] for hosts in (*alone.hosts, *beside.hosts))
        assert client.audit_allocations().clean
        assert until_free(client, tmp_path / "last")
    for share in (50, 99):
        without, during = alone.percentiles_ms(share), beside.percentiles_ms(share)
        show(
            Figure(
                "what-if beside placing",
                f"{work.name}, p{share}",
                float(np.median(during)),
                "ms",
                float(np.median(without)),
                note=f"floor: the same rounds with nothing beside; {answers} answers meanwhile",
                spread=quartiles(during),
            )
        )


def until_free(client: Client, out: Path) -> bool:
    """Return whether the service takes a question soon after those who asked were killed."""
    scenario = '[fleet]\nsynthetic = "1 hosts of 8c 32g"\n[[flavors]]\nname = "a"\nvcpus = 1\nmemory_mb = 1\n'
    for _ in range(20):
        try:
            client.ask("fits", scenario, out, timeout_s=30)
        except EngineError:
            time.sleep(0.2)
        else:
            return True
    return False
