"""Alibaba's GPU cluster: how much of its GPUs four policies allocate, as Weng et al. (USENIX ATC'23) publish it.

``python -m tests.whatif.reproductions.openb --seeds 10`` prints the table; with ``--write DIR`` the scenario and its
files are written instead, for ``berth whatif compare DIR/openb.toml``. Each GPU is a resource provider under its host
with 1000 thousandths, as nova and placement have shared devices.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.inventory.device_texts import tree_text
from engine.inventory.fleet_file import normalise_fleet
from engine.model.candidates import Provider
from engine.model.resources import ResourceInventory
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.replay import run
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import read_scenario, with_values
from engine.whatif.workloads.make import make_workload
from engine.whatif.workloads.trace_table import read_trace_table
from tests.whatif.reproductions.shared_data import DATA, SCENARIOS

PUBLISHED = {"Random": 87.47, "BestFit": 93.08, "FirstFit": 94.43, "FGD": 95.39}
"""Percent of the GPUs' capacity allocated at the end, means of ten seeds."""
ALLOWED = {"Random": 0.3, "BestFit": 0.3, "FirstFit": 0.3, "FGD": 0.5}
"""Points by which a mean may differ."""
GPU = 1000
MILLI = 1000
"""A vCPU and a GPU are a thousand units each."""
_TYPICAL_SHARE = 0.95
_PLACE_HOLDER = '["1000:0:0:1"]'


@dataclass(frozen=True)
class Poured:
    """What came of one run: the percentage of GPU capacity allocated, how many came, and how many were refused."""

    percent: float
    requests: int
    refused: int


def gpu_fleet(hosts: pa.Table) -> pa.Table:
    """Return the hosts that have GPUs as a fleet, by name: of equals nova's order decides, and the paper's is this."""
    there = hosts.filter(pc.greater(hosts["gpus"], 0)).sort_by("host_id")
    inventories = (("CUSTOM_GPU_MILLI", ResourceInventory(GPU, max_unit=GPU)),)
    trees = [
        tree_text({}, [Provider(uuid=f"{name}-gpu-{number}", inventories=inventories) for number in range(gpus)])
        for name, gpus in zip(there["host_id"].to_pylist(), there["gpus"].to_pylist(), strict=True)
    ]
    many = there.num_rows
    return normalise_fleet(
        pa.table(
            {
                "host_id": there["host_id"],
                "vcpus": pa.array(np.rint(there["vcpus"].to_numpy() * MILLI).astype(np.int64)),
                "memory_mb": there["memory_mb"],
                "disk_gb": pa.array(np.zeros(many, dtype=np.int64)),
                "cpu_allocation_ratio": pa.array(np.ones(many)),
                "ram_allocation_ratio": pa.array(np.ones(many)),
                "resource_providers": trees,
            }
        ),
        source="openb",
    )


def typical_requests(requests: pa.Table, share: float = _TYPICAL_SHARE) -> list[str]:
    """Return the most frequent requests that make up this share of all, as gpu_typical_requests wants them."""
    columns = (requests["vcpus"].to_pylist(), requests["gpu_milli"].to_pylist(), requests["gpus"].to_pylist())
    counts = Counter(
        (round(vcpus * MILLI), amount if gpus else 0, gpus) for vcpus, amount, gpus in zip(*columns, strict=True)
    )
    kept: list[str] = []
    covered = 0
    for (vcpus, amount, gpus), many in sorted(counts.items(), key=lambda item: (-item[1], *(-x for x in item[0]))):
        if covered >= share * requests.num_rows:
            break
        kept.append(f"{vcpus}:{amount}:{gpus}:{many}")
        covered += many
    return kept


def scenario_of(policy: str, scenario: Scenario, requests: pa.Table) -> Scenario:
    """Return the scenario under a policy's chain."""
    values = dict(next(item.set for item in scenario.variants if item.name == policy))
    if "chain.gpu_typical_requests" in values:
        values["chain.gpu_typical_requests"] = typical_requests(requests)
    return with_values(scenario, values)


def read_all() -> tuple[Scenario, Inputs, pa.Table]:
    """Return the scenario, its inputs and the trace as it is."""
    scenario = read_scenario(SCENARIOS / "openb.toml")
    trace = scenario.workload.trace
    assert trace is not None
    path = DATA / "openb" / "requests.parquet"
    hosts = gpu_fleet(pq.read_table(DATA / "openb" / "hosts.parquet"))
    return scenario, Inputs(hosts=hosts, trace=read_trace_table(path, trace)), pq.read_table(path)


def pour(scenario: Scenario, inputs: Inputs, seed: int) -> Poured:
    """Return how much is allocated once every request has come."""
    world = open_world(scenario, inputs, seed=seed)
    workload = make_workload(scenario, inputs, world, seed=seed)
    decisions = run(world, workload, (), rng=np.random.default_rng(seed))
    trees = world.table.devices.trees.values
    codes = world.table.columns["tree"][world.table.present_rows()]
    gpus = [item for code in codes.tolist() for item in (trees[code].providers[1:] if trees[code] else ())]
    taken = sum(amount for item in gpus for _, amount in item.used)
    return Poured(100.0 * taken / (GPU * len(gpus)), len(decisions), int(decisions.refused.sum()))


def write_all(folder: Path) -> None:
    """Write the scenario with what is typical filled in, and the files that it names."""
    scenario, inputs, requests = read_all()
    folder.mkdir(parents=True, exist_ok=True)
    text = (SCENARIOS / "openb.toml").read_text()
    filled = text.replace(_PLACE_HOLDER, json.dumps(typical_requests(requests)))
    assert filled != text
    (folder / "openb.toml").write_text(filled)
    pq.write_table(inputs.hosts, folder / str(scenario.fleet.file))
    pq.write_table(requests, folder / "requests.parquet")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the share of each policy beside the published one; return 1 where one is too far from it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--policies", nargs="*", default=list(PUBLISHED), choices=list(PUBLISHED))
    parser.add_argument("--write", type=Path, metavar="DIR")
    told = parser.parse_args(arguments)
    if told.write is not None:
        write_all(told.write)
        return 0
    scenario, inputs, requests = read_all()
    print(
        f"{'policy':<10}{'published':>10}{'Berth':>8}{'differs':>9}{'least':>8}{'most':>8}{'requests':>10}{'refused':>9}"
    )
    failed = False
    for policy in told.policies:
        chosen = scenario_of(policy, scenario, requests)
        found = [pour(chosen, inputs, seed) for seed in range(told.seeds)]
        shares = [item.percent for item in found]
        mean = float(np.mean(shares))
        failed |= abs(mean - PUBLISHED[policy]) > ALLOWED[policy]
        print(
            f"{policy:<10}{PUBLISHED[policy]:>10.2f}{mean:>8.2f}{mean - PUBLISHED[policy]:>+9.2f}{min(shares):>8.2f}"
            f"{max(shares):>8.2f}{np.mean([item.requests for item in found]):>10.0f}"
            f"{np.mean([item.refused for item in found]):>9.0f}",
            flush=True,
        )
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
