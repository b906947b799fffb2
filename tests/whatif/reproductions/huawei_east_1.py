"""Huawei-East-1: refusals by the number of hosts, under first-fit, best-fit and spreading chains.

``python -m tests.whatif.reproductions.huawei_east_1`` prints the table; every decision is compared with that of a
simple replay written apart from the engine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from engine.inventory.device_texts import numa_text
from engine.inventory.fleet_file import normalise_fleet
from engine.model.numa import HostCell, HostNuma
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.replay import run
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import read_scenario, with_values
from engine.whatif.workloads.make import make_workload
from engine.whatif.workloads.trace_table import read_trace_table
from tests.whatif.reproductions.plain_numa import CELL_MEMORY_MB, CELL_VCPUS, Machine, plain_replay
from tests.whatif.reproductions.shared_data import DATA, SCENARIOS

TRACE = DATA / "huawei-east-1" / "requests.parquet"
MULTIPLIERS = {"first-fit": 0.0, "best-fit": -1.0, "spread": 1.0}
"""By chain: the multiplier of what is free of vCPUs and of memory, as the scenario's variants have it."""
FLEETS = (46, 48, 50, 52, 54, 56)


@dataclass(frozen=True)
class Compared:
    """The engine's decisions (int64[n]: rows, -1 for none) beside the plain replay's, and the engine's seconds."""

    rows: npt.NDArray[np.int64]
    plain: npt.NDArray[np.int64]
    seconds: float

    @property
    def refused(self) -> int:
        """How many the engine refused."""
        return int((self.rows < 0).sum())


def numa_fleet(many: int) -> pa.Table:
    """Return hosts of two cells, without overcommitment."""
    cells = [
        HostCell(node, frozenset(range(node * CELL_VCPUS, (node + 1) * CELL_VCPUS)), frozenset(), CELL_MEMORY_MB)
        for node in range(2)
    ]
    hosts = {
        "host_id": [f"host-{number:04}" for number in range(many)],
        "vcpus": [2 * CELL_VCPUS] * many,
        "memory_mb": [2 * CELL_MEMORY_MB] * many,
        "disk_gb": [0] * many,
        "cpu_allocation_ratio": [1.0] * many,
        "ram_allocation_ratio": [1.0] * many,
        "numa_topology": [numa_text(HostNuma(tuple(cells)))] * many,
    }
    return normalise_fleet(pa.table(hosts), source="NUMA hosts")


def machines(limit: int) -> list[Machine]:
    """Return the first instances of the trace."""
    rows = pq.read_table(TRACE).slice(0, limit or None).to_pylist()
    return [
        Machine(row["vm_id"], row["t_create"], row["t_delete"], row["vcpus"], row["memory_mb"], row["numa_nodes"])
        for row in rows
    ]


def scenario_of(chain: str, limit: int = 0) -> Scenario:
    """Return the scenario under one of its chains, of the first ``limit`` instances, 0 for all."""
    scenario = read_scenario(SCENARIOS / "huawei-east-1.toml")
    variant = next(item for item in scenario.variants if item.name == chain)
    return with_values(scenario, {**variant.set, "workload.trace.limit": limit})


def compare(chain: str, hosts: int, trace: pa.Table, plain: Sequence[Machine], limit: int = 0) -> Compared:
    """Return what the engine and the plain replay decide about the same instances."""
    scenario = scenario_of(chain, limit)
    inputs = Inputs(hosts=numa_fleet(hosts), trace=trace)
    world = open_world(scenario, inputs, seed=0)
    workload = make_workload(scenario, inputs, world, seed=0)
    start = time.process_time()
    decisions = run(world, workload, (), rng=np.random.default_rng(0))
    seconds = time.process_time() - start
    expected = plain_replay(plain, hosts, MULTIPLIERS[chain])
    names = [int(name) for name in world.names_of(decisions.instances).to_pylist()]
    return Compared(decisions.rows.astype(np.int64), np.array([expected[name] for name in names]), seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the refusals of each chain by the number of hosts; return 1 where a decision differs from the replay's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="*", default=list(FLEETS))
    parser.add_argument("--limit", type=int, default=0)
    told = parser.parse_args(arguments)
    loaded = scenario_of("spread", told.limit).workload.trace
    assert loaded is not None
    trace, plain = read_trace_table(TRACE, loaded), machines(told.limit)
    print(f"{'hosts':>5}  {'chain':<10}{'refused':>8}{'replay':>8}{'decisions':>11}{'differ':>8}{'ms each':>9}")
    differing = 0
    for hosts in told.hosts:
        for chain in MULTIPLIERS:
            found = compare(chain, hosts, trace, plain, told.limit)
            differ = int((found.rows != found.plain).sum())
            differing += differ
            print(
                f"{hosts:>5}  {chain:<10}{found.refused:>8}{int((found.plain < 0).sum()):>8}{len(found.rows):>11}"
                f"{differ:>8}{1000 * found.seconds / len(found.rows):>9.3f}",
                flush=True,
            )
    return int(differing > 0)


if __name__ == "__main__":
    raise SystemExit(main())
