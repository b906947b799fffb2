"""What-if: replaying a cloud's creates and deletes, the fork that a question works on, and every host failing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from bench.classes import OPTIONS, make_table
from bench.floors import fits, numpy_weights
from bench.report import Figure
from bench.workloads import QUICK, SEED, chosen, count_text, times
from engine.inventory.usage import ONLY_READ, USAGE_COLUMNS, apply_usage
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.whatif.answer import no_progress
from engine.whatif.decisions import Decisions
from engine.whatif.measure.slots import free_slots
from engine.whatif.questions.fail import fail_all
from engine.whatif.questions.rehearsals import Failures
from engine.whatif.replay import run
from engine.whatif.scenario.reading import parse_scenario
from engine.whatif.workload import Events, Workload
from engine.whatif.world import World

_FLAVORS = 16
_LIFE = 0.7
"""The mean life of an instance, as the part of the whole time."""
_CHECKED = 300
"""Events that plain numpy answers too."""


@dataclass(frozen=True)
class ReplayWork:
    """A run: hosts, and how many instances come; aims are events a second."""

    hosts: int
    instances: int
    aim: int
    rounds: int = 5
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)} hosts, {count_text(self.instances)} instances"


REPLAYS = (
    ReplayWork(1_000, 1_000_000, 500_000, quick=True),
    ReplayWork(10_000, 1_000_000, 300_000),
    ReplayWork(100_000, 1_000_000, 200_000),
)


def a_workload(world: World, instances: int) -> Workload:
    """Instances of 16 flavors that come evenly and live exponentially; half of them outlive the run."""
    rng = np.random.default_rng(SEED)
    flavors = [Flavor(f"f{size}", 1 << size % 4, 1792 << size // 4, 10) for size in range(_FLAVORS)]
    codes = np.array([world.code(RequestSpec(flavor=flavor)) for flavor in flavors], dtype=np.int32)
    shares = 1.0 / np.arange(1, _FLAVORS + 1)
    created = np.linspace(0.0, 1.0, instances)
    deleted = created + rng.exponential(_LIFE, instances)
    ending = np.flatnonzero(deleted <= 1.0)
    numbers = np.concatenate([ending, np.arange(instances)])
    creates = np.arange(len(numbers)) >= len(ending)
    moments = np.concatenate([deleted[ending], created])
    order = np.lexsort((numbers, creates, moments))
    events = Events(numbers[order], creates[order], moments[order])
    asked = codes[rng.choice(_FLAVORS, instances, p=shares / shares.sum())]
    return Workload(tuple(world.requests), asked, pa.array(np.arange(instances)), events)


@pytest.mark.parametrize("work", chosen(REPLAYS), ids=lambda work: work.name)
def test_replay(
    work: ReplayWork, benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]
) -> None:
    world = World(make_table(fleet_of(work.hosts)), OPTIONS["spread"])
    workload = a_workload(world, work.instances // (10 if QUICK else 1))
    decided: list[Decisions] = []

    def setup() -> tuple[tuple[World], dict[str, Any]]:
        return (world.fork(),), {}

    def replay(fork: World) -> None:
        decided[:] = [run(fork, workload, (), rng=np.random.default_rng(SEED))]

    benchmark.pedantic(replay, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
    rows, took_s = numpy_replay(world.fork(), workload, _CHECKED)
    assert decided[0].rows[: len(rows)].tolist() == rows.tolist()
    assert 0 < decided[0].refused.sum() < len(decided[0]) or work.hosts > 1_000
    show(
        Figure(
            "what-if replay",
            work.name,
            len(workload.events) / benchmark.stats.stats.median,
            "/s",
            _CHECKED / took_s,
            aim=f"{work.aim} /s",
            note=f"{int(decided[0].refused.sum())} refused, each with its reason; the floor is plain numpy",
        )
    )


def numpy_replay(world: World, workload: Workload, many: int) -> tuple[npt.NDArray[np.int64], float]:
    """Return where the first events' instances go by plain numpy, a scan of all hosts for each, and the seconds."""
    columns, options = world.table.columns, world.options
    world.table.own_usage()
    up = columns["service_up"] != 0
    usage = [columns[name] for name in USAGE_COLUMNS]
    held: dict[int, tuple[int, Any]] = {}
    rows = []
    start = perf_counter()
    for number, is_create in zip(workload.events.instances[:many], workload.events.creates[:many], strict=True):
        if not is_create:
            row, amounts = held.pop(int(number), (-1, None))
            if row >= 0:
                apply_usage(row, -1, amounts, 0, *usage)
            continue
        amounts = world.amounts(int(workload.codes[number]))
        mask = fits(columns, amounts) & up
        row = int(np.argmax(numpy_weights(columns, mask, options))) if mask.any() else -1
        if row >= 0:
            apply_usage(row, 1, amounts, 0, *usage)
        held[int(number)] = (row, amounts)
        rows.append(row)
    return np.array(rows), perf_counter() - start


def test_fork(benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]) -> None:
    hosts = 10_000 if QUICK else 1_000_000
    world = World(make_table(fleet_of(hosts)), OPTIONS["spread"])
    written = [name for name in USAGE_COLUMNS if name not in ONLY_READ]
    copies: list[float] = []
    forks: list[World] = []

    def setup() -> tuple[tuple[()], dict[str, Any]]:
        forks.clear()
        start = perf_counter()
        for name in written:
            world.table.columns[name].copy()
        copies.append(perf_counter() - start)
        return (), {}

    def fork() -> None:
        made = world.fork()
        # what a first claim would wait for: the columns that claims write to become its own
        made.table.own_usage()
        forks.append(made)

    benchmark.pedantic(fork, setup=setup, rounds=times(15), warmup_rounds=2)
    made = forks[-1]
    made.table.apply(0, 1, made.amounts(made.code(RequestSpec(flavor=Flavor("f", 1, 512)))))
    assert made.table.columns["vcpu_used"][0] == world.table.columns["vcpu_used"][0] + 1
    show(
        Figure(
            "what-if fork",
            f"{count_text(hosts)} hosts",
            benchmark.stats.stats.median * 1e3,
            "ms",
            float(np.median(copies)) * 1e3,
            aim="15 ms",
            note="ready to be claimed on; the floor copies the columns that claims write to",
        )
    )


_FULL = 0.8
_FAILED_IN_NUMPY = 5
"""Hosts whose failure plain numpy works out too."""


def test_fail(benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]) -> None:
    hosts = 1_000 if QUICK else 10_000
    world = World(make_table(fleet_of(hosts)), OPTIONS["spread"])
    code = world.code(RequestSpec(flavor=Flavor("f", 4, 16_384, 20)))
    most = free_slots(world, code)
    first = world.add(np.full(int(_FULL * most), code, dtype=np.int32), pa.array(np.arange(int(_FULL * most))))
    world.place(np.arange(first, len(world.rows)))
    scenario = parse_scenario(f"fleet.synthetic = {hosts}", "every host")
    failed: list[Failures] = []

    def fail() -> None:
        failed[:] = fail_all(world, scenario, time_s=0.0, progress=no_progress)[0]

    benchmark.pedantic(fail, rounds=times(3), warmup_rounds=1)
    (found,) = failed
    assert found.displaced.sum() == (world.rows >= 0).sum()
    sample = np.random.default_rng(SEED).choice(np.flatnonzero(found.displaced), _FAILED_IN_NUMPY, replace=False)
    lost, took_s = zip(
        *(numpy_failure(world, int(found.groups.rows_of([int(entry)])[0])) for entry in sample), strict=True
    )
    assert list(lost) == found.lost[sample].tolist()
    show(
        Figure(
            "what-if fail",
            f"{count_text(hosts)} hosts, {_FULL:.0%} full",
            benchmark.stats.stats.median,
            "s",
            float(np.median(took_s)) * hosts,
            aim="60 s",
            note=f"every host in turn, {int(found.displaced.sum())} instances; the floor is plain numpy",
        )
    )


def numpy_failure(world: World, failed: int) -> tuple[int, float]:
    """Return how many of a host's instances plain numpy places on no other, and the seconds it takes."""
    fork = world.fork()
    usage = fork.table.own_usage()
    columns = dict(zip(USAGE_COLUMNS, usage, strict=True)) | {
        name: values for name, values in fork.table.columns.items() if name not in USAGE_COLUMNS
    }
    lost = 0
    start = perf_counter()
    for code in fork.codes[fork.instances_on([failed])].tolist():
        amounts = fork.amounts(code)
        mask = fits(columns, amounts) & (columns["service_up"] != 0)
        mask[failed] = False
        if mask.any():
            apply_usage(int(np.argmax(numpy_weights(columns, mask, fork.options))), 1, amounts, 0, *usage)
        else:
            lost += 1
    return lost, perf_counter() - start
