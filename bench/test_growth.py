"""What a decision and its claim cost as classes grow in number, as fewer hosts pass, and as the fleet fills up.

Each round places a batch from warm views and gives all of it back, with the views brought up to date before the next.
The floor is a full scan of the same classes, which must choose the same hosts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from bench.against.growth import Kind, Point
from bench.classes import OPTIONS, Classes, make_selector, make_table
from bench.report import Figure, quartiles
from bench.workloads import SEED, chosen, count_text, times
from engine.model.flavor import Flavor
from engine.model.limits import MAX_MEMORY_MB

Strategy = Literal["spread", "pack"]
By = Literal["text", "amounts"]

_SAMPLED = 8
_SHARES = (100.0, 50.0, 10.0, 1.0, 0.1)
_FILLERS = (16, 4, 1)
"""vCPUs of the instances that fill a fleet, the larger ones first."""
_FILL_BATCH = 16_384
_TRAIT = "CUSTOM_ABLE"


@dataclass(frozen=True)
class GrowthWork:
    """One place on one line: classes that go round, the share of hosts that pass, the share of capacity taken."""

    kind: Kind
    hosts: int
    strategy: Strategy
    classes: int = 64
    requests: int = 256
    share: float = 100.0
    by: By = "amounts"
    taken: float = 0.0
    rounds: int = 9
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{self.line}, {self.x:g}{'' if self.kind == 'classes' else ' %'}"

    @property
    def line(self) -> str:
        by = f", by {self.by}" if self.kind == "share" else ""
        return f"{count_text(self.hosts)} hosts, {self.strategy}{by}"

    @property
    def x(self) -> float:
        return {"classes": self.classes, "share": self.share, "taken": self.taken}[self.kind]


_SIZES = (10_000, 100_000)
_STRATEGIES: tuple[Strategy, ...] = ("spread", "pack")
_BYS: tuple[By, ...] = ("text", "amounts")
CLASSES = tuple(
    GrowthWork("classes", hosts, strategy, classes=many, requests=1024, quick=hosts == 10_000 and many == 16)
    for hosts in _SIZES
    for strategy in _STRATEGIES
    for many in (1, 16, 64, 256, 1024)
)
SHARES = tuple(
    GrowthWork("share", hosts, "spread", share=share, by=by, quick=hosts == 10_000 and share == 1.0)
    for hosts in _SIZES
    for by in _BYS
    for share in _SHARES
)
TAKEN = tuple(
    GrowthWork("taken", hosts, strategy, requests=128, taken=taken, quick=hosts == 10_000 and taken == 50.0)
    for hosts in _SIZES
    for strategy in _STRATEGIES
    for taken in (50.0, 90.0, 99.0, 99.9)
)

timed_by_cpu = pytest.mark.benchmark(timer=time.thread_time)


@timed_by_cpu
@pytest.mark.parametrize("work", chosen(CLASSES), ids=lambda work: work.name)
def test_live_classes(
    work: GrowthWork, benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]
) -> None:
    sizes = [
        Flavor(f"f{number}", 1 + number % 8, (1 + number // 8 % 8) * 1024 + number, number % 5 * 10)
        for number in range(work.classes)
    ]
    classes = Classes(make_selector(make_table(fleet_of(work.hosts)), OPTIONS[work.strategy]), sizes)
    measure(work, classes, benchmark, show)


@timed_by_cpu
@pytest.mark.parametrize("work", chosen(SHARES), ids=lambda work: work.name)
def test_hosts_that_pass(
    work: GrowthWork, benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]
) -> None:
    fleet, sizes = fleet_of(work.hosts), small_flavors(work.classes)
    able = np.random.default_rng(SEED).permutation(work.hosts) < round(work.share / 100 * work.hosts)
    if work.by == "text":
        fleet = with_trait(fleet, able)
        sizes = small_flavors(work.classes, extra_specs={f"trait:{_TRAIT}": "required"})
    elif not able.all():
        sizes = small_flavors(work.classes, least_mb=int(np.max(fleet["memory_mb"])) + 1)
        fleet = with_memory(fleet, able)
    classes = Classes(make_selector(make_table(fleet), OPTIONS[work.strategy]), sizes)
    passing = measure(work, classes, benchmark, show)
    assert passing == pytest.approx(work.share / 100 * work.hosts, rel=0.05)


@pytest.fixture(scope="module")
def filled_of() -> Callable[[pa.Table, GrowthWork], Classes]:
    """Return the classes of a workload on a fleet that is filled as far as it says; the last one is filled on."""
    kept: dict[tuple[int, Strategy], tuple[float, Classes]] = {}

    def make(fleet: pa.Table, work: GrowthWork) -> Classes:
        key = (work.hosts, work.strategy)
        reached, classes = kept.get(key, (np.inf, None))
        if classes is None or reached > work.taken:
            kept.clear()
            tight = replaced(fleet, "cpu_allocation_ratio", np.ones(work.hosts))
            classes = Classes(
                make_selector(make_table(tight), OPTIONS[work.strategy]),
                [
                    *small_flavors(work.classes),
                    *(Flavor(f"filler{size}", size, 1024 * size, 0) for size in _FILLERS),
                ],
            )
        fill(classes, work.classes, work.taken / 100)
        kept[key] = (work.taken, classes)
        return classes

    return make


@timed_by_cpu
@pytest.mark.parametrize("work", chosen(TAKEN), ids=lambda work: work.name)
def test_capacity_taken(
    work: GrowthWork,
    benchmark: Any,
    show: Callable[[Figure], None],
    fleet_of: Callable[[int], pa.Table],
    filled_of: Callable[[pa.Table, GrowthWork], Classes],
) -> None:
    classes = filled_of(fleet_of(work.hosts), work)
    used, free = vcpus(classes)
    assert used / (used + free) == pytest.approx(work.taken / 100, abs=1e-4)
    measure(work, classes, benchmark, show)


def measure(work: GrowthWork, classes: Classes, benchmark: Any, show: Callable[[Figure], None]) -> int:
    """Time rounds of the workload and hold a sample against full scans; return how many hosts pass at first."""
    table, views = classes.selector.table, classes.selector.views
    slots, shapes = (column[: work.classes] for column in classes.slots())
    assert len(set(slots.tolist())) == work.classes
    numbers = np.arange(work.requests) % work.classes
    passing = int(views.place(slots, shapes, claim=False).survivors.max())
    placed: list[npt.NDArray[np.int64]] = []

    def give_back() -> None:
        for number, row in zip(numbers.tolist(), placed[-1].tolist() if placed else (), strict=False):
            table.apply(row, -1, classes.amounts(number))

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        give_back()
        views.place(slots, shapes, claim=False)
        return (), {}

    def decide() -> None:
        placed.append(views.place(slots[numbers], shapes[numbers], claim=True).rows[:, 0])

    benchmark.pedantic(decide, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
    for rows in placed:
        assert (rows >= 0).all()
        np.testing.assert_array_equal(rows, placed[0])
    scans = scanned(classes, slots, shapes)
    give_back()
    rounds = np.array(benchmark.stats.stats.data) / work.requests
    took = float(benchmark.stats.stats.median / work.requests)
    figure = Figure(
        f"growth, {work.kind}",
        work.name,
        took * 1e6,
        "us",
        float(np.median(scans)) * 1e6,
        note=f"{passing} hosts pass; the floor is a full scan",
    )
    show(figure)
    point = Point(work.kind, work.line, work.x, took, *quartiles(rounds.tolist()))
    benchmark.extra_info["growth"] = [point.as_info()]
    return passing


def scanned(classes: Classes, slots: npt.NDArray[np.int64], shapes: npt.NDArray[np.int64]) -> list[float]:
    """Return the seconds of full scans of some of the classes, each checked against what the class's view answers."""
    views = classes.selector.views
    found = []
    for number in np.linspace(0, len(slots) - 1, min(_SAMPLED, len(slots))).astype(int).tolist():
        one, shape = slots[[number]], shapes[[number]]
        warm = views.place(one, shape, claim=False)
        scan, seconds = classes.full_scan(one, shape, claim=False)
        for name in ("rows", "weights", "survivors"):
            np.testing.assert_array_equal(getattr(warm, name), getattr(scan, name))
        found.append(seconds)
    return found


def small_flavors(many: int, *, least_mb: int = 256, extra_specs: dict[str, str] | None = None) -> list[Flavor]:
    """Return flavors of one vCPU and different memory, so that few hosts take many of them."""
    return [Flavor(f"s{number}", 1, least_mb + number, 0, extra_specs=extra_specs or {}) for number in range(many)]


def with_trait(fleet: pa.Table, able: npt.NDArray[np.bool_]) -> pa.Table:
    """Return the fleet with a trait more on some hosts."""
    traits = [
        [*(before or ()), *([_TRAIT] if has else [])]
        for before, has in zip(fleet["traits"].to_pylist(), able.tolist(), strict=True)
    ]
    return replaced(fleet, "traits", traits)


def with_memory(fleet: pa.Table, able: npt.NDArray[np.bool_]) -> pa.Table:
    """Return the fleet with so much memory on some hosts that hundreds of the largest others would go in."""
    for name in ("memory_mb", "memory_mb_max_unit"):
        fleet = replaced(fleet, name, np.where(able, MAX_MEMORY_MB, fleet[name].to_numpy()))
    return fleet


def replaced(fleet: pa.Table, name: str, values: Any) -> pa.Table:
    """Return the fleet with other values in a column."""
    place = fleet.column_names.index(name)
    return fleet.set_column(place, name, pa.array(values, fleet.schema.field(name).type))


def vcpus(classes: Classes) -> tuple[int, int]:
    """Return how many vCPUs are used, and how many free, on the hosts whose services are up: others fill up never."""
    columns = classes.selector.table.columns
    serving = (columns["present"] != 0) & (columns["service_up"] != 0)
    used, free = (int(columns[name][serving].astype(np.int64).sum()) for name in ("vcpu_used", "vcpu_free"))
    return used, free


def fill(classes: Classes, fillers_from: int, share: float) -> None:
    """Place instances by the kernel until ``share`` of the vCPUs is taken; the fillers follow the other flavors."""
    views = classes.selector.views
    slots, shapes = classes.slots()
    for number, size in enumerate(_FILLERS, fillers_from):
        while True:
            used, free = vcpus(classes)
            many = min(_FILL_BATCH, (round(share * (used + free)) - used) // size)
            if many < 1:
                break
            rows = views.place(slots[[number] * many], shapes[[number] * many], claim=True).rows[:, 0]
            if rows[-1] < 0:
                break
