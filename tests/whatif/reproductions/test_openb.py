"""Part of a GPU cluster, poured full: every decision of three policies is that of a plain replay, and they rank so."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.whatif.decisions import Decisions
from engine.whatif.inputs import Inputs, open_world, read_inputs
from engine.whatif.replay import run
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import read_scenario, with_values
from engine.whatif.workloads.make import make_workload
from engine.whatif.world import World
from tests.whatif.reproductions.openb import (
    ALLOWED,
    DATA,
    PUBLISHED,
    gpu_fleet,
    pour,
    read_all,
    scenario_of,
    typical_requests,
    write_all,
)
from tests.whatif.reproductions.plain_gpus import PlainGpus, Share, Typical
from tests.whatif.reproductions.shared_data import needs

EVERY = 16
"""One host in so many, which leaves hosts of most shapes."""
SEED = 3


@cache
def part() -> tuple[Scenario, Inputs, pa.Table, pa.Table]:
    """Return the scenario, inputs of some of the hosts, these hosts by name, and the trace."""
    scenario, inputs, requests = read_all()
    hosts = pq.read_table(DATA / "openb" / "hosts.parquet").sort_by("host_id")
    hosts = hosts.filter(pa.array(hosts["gpus"].to_numpy() > 0))
    some = hosts.take(np.arange(0, hosts.num_rows, EVERY))
    # as many requests as fill them: they ask for too much already
    trace = scenario.workload.trace
    assert trace is not None
    assert inputs.trace is not None
    few = inputs.trace.slice(0, inputs.trace.num_rows // EVERY)
    return scenario, Inputs(hosts=gpu_fleet(some), trace=few), some, requests


def poured(policy: str) -> tuple[World, Decisions]:
    """Return the world after a policy's chain has placed what it could, and its decisions."""
    scenario, inputs, _, requests = part()
    chosen = scenario_of(policy, scenario, requests)
    world = open_world(chosen, inputs, seed=SEED)
    workload = make_workload(chosen, inputs, world, seed=SEED)
    return world, run(world, workload, (), rng=np.random.default_rng(SEED))


def share_of(world: World, code: int) -> Share:
    """Return what a request of the world asks for."""
    flavor = world.requests[code].flavor
    amounts = [int(value) for key, value in flavor.extra_specs.items() if key.startswith("resources")]
    assert len(set(amounts)) <= 1
    return Share(flavor.vcpus, flavor.memory_mb, amounts[0] if amounts else 0, len(amounts))


@needs("openb")
@pytest.mark.parametrize("policy", ["FirstFit", "BestFit", "FGD"])
def test_every_decision_is_that_of_a_plain_replay(policy: str) -> None:
    world, decisions = poured(policy)
    _, _, hosts, requests = part()
    plain = PlainGpus(
        np.rint(hosts["vcpus"].to_numpy() * 1000).astype(np.int64),
        hosts["memory_mb"].to_numpy().astype(np.int64),
        hosts["gpus"].to_pylist(),
    )
    typical = Typical.of(typical_requests(requests))
    shares = {code: share_of(world, code) for code in np.unique(decisions.codes).tolist()}
    expected = [plain.place(shares[code], policy, typical) for code in decisions.codes.tolist()]
    assert decisions.rows.tolist() == expected
    assert decisions.refused.sum() > 100


@needs("openb")
def test_random_choices_follow_the_seed_and_fill_less() -> None:
    scenario, inputs, _, requests = part()
    chosen = scenario_of("Random", scenario, requests)
    found = [pour(chosen, inputs, seed) for seed in (SEED, SEED, SEED + 1)]
    assert found[0] == found[1] != found[2]
    assert found[0].percent < pour(scenario_of("FirstFit", scenario, requests), inputs, SEED).percent


@needs("openb")
@pytest.mark.slow
@pytest.mark.parametrize("policy", sorted(PUBLISHED))
def test_the_whole_cluster_takes_what_is_published(policy: str) -> None:
    scenario, inputs, requests = read_all()
    found = pour(scenario_of(policy, scenario, requests), inputs, 0)
    # one seed of the ten that the published mean is of
    assert found.percent == pytest.approx(PUBLISHED[policy], abs=ALLOWED[policy] + 0.3)
    assert found.requests > 10_000


@needs("openb")
def test_the_files_written_are_a_scenario_that_opens_as_it_is(tmp_path: Path) -> None:
    write_all(tmp_path)
    scenario = read_scenario(tmp_path / "openb.toml")
    inputs = read_inputs(scenario, tmp_path, None)
    _, _, requests = read_all()
    by_hand = scenario_of("FGD", scenario, requests)
    written = with_values(scenario, next(item.set for item in scenario.variants if item.name == "FGD"))
    assert by_hand.chain == written.chain
    assert open_world(written, inputs, seed=0).table.host_count == 1213


def test_typical_requests_are_the_most_frequent_up_to_a_share() -> None:
    table = pa.table(
        {
            "vcpus": [4.0] * 6 + [0.5] * 3 + [8.0],
            "gpu_milli": [500] * 6 + [0] * 3 + [1000],
            "gpus": [1] * 6 + [0] * 3 + [2],
        }
    )
    assert typical_requests(table, 0.9) == ["4000:500:1:6", "500:0:0:3"]
    assert typical_requests(table, 0.5) == ["4000:500:1:6"]
    assert typical_requests(table, 1.0)[-1] == "8000:1000:2:1"
