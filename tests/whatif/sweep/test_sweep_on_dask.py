from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.whatif.asking import ask
from engine.whatif.sweep.dask import DaskExecutor
from engine.whatif.sweep.local import LocalExecutor
from tests.whatif.small_scenarios import answer_bytes, inputs_of, scenario_of
from tests.whatif.sweep.cluster import Cluster, dask_cluster

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

SWEEP = """
[[variants]]
name = "packed"
set = {"chain.ram_weight_multiplier" = -1.0}

[sweep]
"workload.mix.per_hour" = [5, 10, 15, 20, 25, 30]
"chain.host_subset_size" = [1, 3]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), workers=2) as made:
        yield made


@pytest.fixture(scope="module")
def local() -> bytes:
    """The answer of this process, one run after the other."""
    scenario = scenario_of(SWEEP)
    return answer_bytes(ask("compare", scenario, inputs_of(scenario), executor=LocalExecutor(1)))


def test_two_dask_workers_give_the_same_bytes_as_this_process(cluster: Cluster, local: bytes) -> None:
    scenario = scenario_of(SWEEP)
    with DaskExecutor(cluster.address) as executor:
        answer = ask("compare", scenario, inputs_of(scenario), executor=executor)
    assert len(answer.figures["runs"]) == 12
    assert answer_bytes(answer) == local


def test_a_worker_killed_in_the_middle_of_a_sweep_leaves_the_bytes_as_they_are(tmp_path: Path, local: bytes) -> None:
    scenario = scenario_of(SWEEP)
    with dask_cluster(tmp_path, workers=2) as cluster, DaskExecutor(cluster.address) as executor:
        victim = cluster.workers[0]
        told: list[int] = []

        def kill_in_the_middle(what: str, done: int, total: int) -> None:
            told.append(done)
            if done == 3:
                victim.send_signal(signal.SIGKILL)

        answer = ask("compare", scenario, inputs_of(scenario), progress=kill_in_the_middle, executor=executor)
        assert victim.wait(10) == -signal.SIGKILL
    assert told == list(range(13))
    assert answer_bytes(answer) == local


def test_a_size_searched_on_dask_is_that_of_this_process(cluster: Cluster) -> None:
    scenario = scenario_of("[size]\nmax_refused_percent = 2")
    inputs = inputs_of(scenario)
    with DaskExecutor(cluster.address) as executor:
        there = ask("size", scenario, inputs, executor=executor)
    assert answer_bytes(there) == answer_bytes(ask("size", scenario, inputs))
