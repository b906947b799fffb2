"""What ``berth serve`` keeps in memory, against the bytes of the hosts' own columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.report import Figure
from bench.servers import Server, as_installed, berth
from bench.workloads import MEMORY, MemoryWork, chosen, count_text
from engine.client import Client
from engine.inventory.schema import COLUMNS
from engine.v1.request_spec_pb2 import Flavor, RequestSpec

_MB = 2**20 / 1e6


@pytest.mark.parametrize("work", chosen(MEMORY), ids=lambda work: work.name)
def test_memory(
    work: MemoryWork,
    benchmark: Any,
    show: Callable[[Figure], None],
    fleet_of: Callable[[int], pa.Table],
    tmp_path: Path,
) -> None:
    columns_mb = sum(np.dtype(column.dtype).itemsize for column in COLUMNS) * work.hosts / 1e6
    size = count_text(work.hosts)
    installed = as_installed(tmp_path)

    def tell(service: Server, stage: str, aim: str = "") -> None:
        peak, own = service.peak_mb() * _MB, service.own_mb() * _MB
        note = f"peak {peak:.0f} MB, of its own {own:.0f} MB; the floor is the columns' bytes"
        show(Figure("memory", f"{size}, {stage}", service.memory_mb() * _MB, "MB", columns_mb, aim=aim, note=note))

    with berth(tmp_path, more=installed) as service, Client(service.target) as client:
        client.import_hosts(fleet_of(work.hosts))
        tell(service, "after an import")
        client.update_flavors(
            [
                Flavor(name=f"f{number}", vcpus=1 + number % 8, memory_mb=512 * (1 + number % 25), root_gb=number % 5)
                for number in range(work.classes)
            ]
        )

    def ask(client: Client) -> None:
        for number in range(work.classes):
            placed = client.select_destinations(RequestSpec(flavor_name=f"f{number}"))
            assert len(placed.selections) == 1

    with berth(tmp_path, more=installed) as service, Client(service.target) as client:
        # the first answer comes after what the start needed is given back
        assert client.health() == "SERVING"
        tell(service, "after a start")
        benchmark.pedantic(ask, args=(client,), rounds=1)
        tell(service, f"{work.classes} warm classes", work.aim)
