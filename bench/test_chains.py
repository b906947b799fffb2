"""A chain of all of nova's filters and weighers against the default one: what more filters cost a full scan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.classes import Classes, make_selector, make_table
from bench.report import Figure
from bench.test_kernel import seconds
from bench.workloads import CHAINS, KernelWork, chosen, times
from engine.model.flavor import Flavor
from engine.scheduler.options import SchedulerOptions
from tests.differential.filter_families import ALL_FILTERS

FLAVOR = Flavor("general", 2, 4096, 20)


@pytest.mark.parametrize("work", chosen(CHAINS), ids=lambda work: work.name)
def test_all_filters(
    work: KernelWork, benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]
) -> None:
    plain, full = (
        Classes(make_selector(make_table(fleet_of(work.hosts)), options), [FLAVOR])
        for options in (SchedulerOptions(), SchedulerOptions(enabled_filters=ALL_FILTERS))
    )
    (plain_slot, plain_shape), (slot, shape) = plain.slots(), full.slots()
    scans: list[float] = []
    answers: list[Any] = []

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        scans.append(plain.full_scan(plain_slot, plain_shape, claim=False)[1])
        full.forget(slot)
        return (), {}

    def scan() -> None:
        answers.append(full.selector.views.place(slot, shape, claim=False))

    benchmark.pedantic(scan, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
    # generated hosts have room for one more of everything: filters beyond the default ones let all of them pass
    expected = plain.selector.views.place(plain_slot, plain_shape, claim=False)
    for placed in answers:
        assert placed.survivors[0] <= expected.survivors[0]
        assert placed.survivors[0] > 0
    took, floor = benchmark.stats.stats.median, float(np.median(scans[1:]))
    show(
        Figure(
            "full scan, 22 filters",
            work.name,
            took * 1e6,
            "us",
            floor * 1e6,
            note="13 weighers both times; the floor is the default five filters",
        )
    )
    fresh = [seconds(lambda: full.selector.views.place(*full.stranger(0), claim=False)) for _ in range(times(10))]
    few = [seconds(lambda: plain.selector.views.place(*plain.stranger(0), claim=False)) for _ in range(times(10))]
    show(
        Figure(
            "full scan, 22 filters",
            f"{work.name}, text filters included",
            float(np.median(fresh)) * 1e6,
            "us",
            float(np.median(few)) * 1e6,
        )
    )
