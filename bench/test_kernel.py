"""The full scan: two passes over every host for a class never seen, against one vectorised read of the same columns."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.classes import OPTIONS, Classes, make_selector, make_table
from bench.floors import Columns, as_words, columns_scanned, numpy_best, read_words
from bench.report import Figure
from bench.workloads import KERNEL, SEED, KernelWork, chosen, times
from engine.inventory.table import HostTable
from engine.model.flavor import Flavor

FLAVOR = Flavor("general", 2, 4096, 20)
OTHERS = 20
"""Classes of other amounts that are met for the first time while this one is live."""


@pytest.mark.parametrize("work", chosen(KERNEL), ids=lambda work: work.name)
def test_full_scan(
    work: KernelWork, benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]
) -> None:
    options = OPTIONS["spread"]
    table = make_table(fleet_of(work.hosts))
    mix(table, work)
    others = [Flavor(f"other{number}", 1 + number % 4, 1024 * (3 + number), number) for number in range(OTHERS)]
    classes = Classes(make_selector(table, options), [FLAVOR, *others])
    slots, shapes = classes.slots()
    slot, shape = slots[:1], shapes[:1]
    views = classes.selector.views
    names = columns_scanned(classes.selector.chain)
    words = as_words(table.columns, names)
    row_bytes = sum(table.columns[name].itemsize for name in names)
    expected = sum(int(column.sum()) for column in words)
    assert (read_words(words) - expected) % 2**64 == 0
    reading: list[float] = []
    answers = []

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        reading.append(seconds(lambda: read_words(words)))
        classes.forget(slot)
        return (), {}

    def scan() -> None:
        answers.append(views.place(slot, shape, claim=False))

    benchmark.pedantic(scan, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
    best = numpy_best(table.columns, classes.amounts(0), options)
    for placed in answers:
        assert (placed.rows[0, 0], placed.survivors[0]) == (best.row, best.survivors)
        assert placed.weights[0, 0] == pytest.approx(best.weight, rel=1e-12)
    took, floor = benchmark.stats.stats.median, float(np.median(reading[1:]))
    show(
        Figure(
            "full scan",
            work.name,
            took * 1e6,
            "us",
            floor * 1e6,
            aim="<= 2",
            note=(
                f"{took / work.hosts * 1e9:.2f} ns a host; the floor reads {row_bytes} bytes a host at "
                f"{sum(column.nbytes for column in words) / 1e9 / floor:.0f} GB/s"
            ),
        )
    )
    passes = [seconds(lambda: numpy_best(table.columns, classes.amounts(0), options)) for _ in range(10)]
    slow = float(np.median(passes))
    show(Figure("full scan", f"{work.name}, a numpy pass a filter", slow * 1e6, "us", floor * 1e6))
    scans = [new_class(classes, table.columns, 1 + number) for number in range(OTHERS)]
    show(Figure("full scan", f"{work.name}, beside a live class", float(np.median(scans)) * 1e6, "us", floor * 1e6))
    fresh = [seconds(lambda: views.place(*classes.stranger(0), claim=False)) for _ in range(10)]
    new = float(np.median(fresh))
    show(Figure("full scan", f"{work.name}, text filters included", new * 1e6, "us", floor * 1e6))


def new_class(classes: Classes, columns: Columns, number: int) -> float:
    """Return how long the first answer of a class takes while another is live; its text filters are asked before."""
    views = classes.selector.views
    live, amounts = classes.slots()
    views.place(live[:1], amounts[:1], claim=False)
    slot, shape = classes.stranger(number)
    began = time.perf_counter()
    placed = views.place(slot, shape, claim=False)
    took = time.perf_counter() - began
    best = numpy_best(columns, classes.amounts(number), OPTIONS["spread"])
    assert (placed.rows[0, 0], placed.survivors[0]) == (best.row, best.survivors)
    return took


def mix(table: HostTable, work: KernelWork) -> None:
    """Change what the weighers see of the hosts to what the workload says."""
    columns, rng = table.columns, np.random.default_rng(SEED)
    rows = len(columns["present"])
    if work.mix == "different":
        columns["free_ram_mb"][:] = rng.integers(8192, 2_000_000, rows)
        columns["free_disk_gb"][:] = rng.integers(100, 200_000, rows)
    elif work.mix == "balanced":
        for name, value in (("failed_builds", 0), ("num_io_ops", 0), ("hypervisor_version", 8), ("cpu_free", 64)):
            columns[name][:] = value
        parts = rng.integers(0, 1025, rows)
        columns["free_ram_mb"][:] = parts * 1024
        columns["free_disk_gb"][:] = (1024 - parts) * 1024


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
