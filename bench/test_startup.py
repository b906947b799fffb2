"""``berth serve`` from the start of its process to SERVING, against the same with a fleet of no hosts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.report import Figure
from bench.servers import as_installed, berth
from bench.workloads import STARTUP, StartupWork, chosen, times
from engine.client import Client


@pytest.mark.parametrize("work", chosen(STARTUP), ids=lambda work: work.name)
def test_startup(
    work: StartupWork,
    benchmark: Any,
    show: Callable[[Figure], None],
    fleet_of: Callable[[int], pa.Table],
    tmp_path: Path,
) -> None:
    installed = as_installed(tmp_path)
    with berth(tmp_path, more=installed) as service, Client(service.target) as client:
        client.import_hosts(fleet_of(work.hosts))
    floors: list[float] = []
    starts: list[float] = []
    cpu_s: list[float] = []
    turns = iter(range(1_000))

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        with berth(tmp_path, state="empty", more=installed) as service:
            floors.append(service.start_s)
        if work.kernels == "cached":
            return ({},), {}
        cache = tmp_path / f"cache{next(turns)}"
        cache.mkdir()
        return ({"BERTH_CACHE_DIR": str(cache)},), {}

    def start(environment: dict[str, str]) -> None:
        with berth(tmp_path, more=installed | environment) as service, Client(service.target) as client:
            starts.append(service.start_s)
            cpu_s.append(service.cpu_s())
            assert client.health() == "SERVING"
            assert client.audit_allocations().hosts == work.hosts

    benchmark.pedantic(start, setup=setup, rounds=times(work.rounds))
    show(
        Figure(
            "start-up",
            work.name,
            float(np.median(starts)),
            "s",
            float(np.median(floors)),
            aim=work.aim,
            note=f"best {min(starts):.2f} s; CPU time {min(cpu_s):.2f} s; the floor has no hosts",
        )
    )
