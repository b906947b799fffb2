"""Decisions and their claims from warm class views, against a full scan for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.classes import OPTIONS, Classes, flavors, make_selector, make_table
from bench.report import Figure
from bench.workloads import SELECTION, SelectionWork, chosen, times


@pytest.mark.parametrize("work", chosen(SELECTION), ids=lambda work: work.name)
def test_class_views(
    work: SelectionWork, benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]
) -> None:
    options, sizes = OPTIONS[work.strategy], flavors(work.classes)
    warm = Classes(make_selector(make_table(fleet_of(work.hosts)), options), sizes)
    scanning = Classes(make_selector(make_table(fleet_of(work.hosts)), options), sizes)
    slots, shapes = warm.slots()
    scanning.slots()
    views = warm.selector.views
    numbers = np.arange(work.requests) % work.classes
    views.place(slots, shapes, claim=False)
    placed, scans = [], []

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        views.statistics[:] = 0
        scanned = [
            scanning.full_scan(slots[[number]], shapes[[number]], claim=True)
            for number in numbers[: work.scans].tolist()
        ]
        scans.extend(seconds for _, seconds in scanned)
        # the rest of the round, so that both tables are alike at its end
        rest = scanning.selector.views.place(slots[numbers[work.scans :]], shapes[numbers[work.scans :]], claim=True)
        rows = np.array([answer.rows[0, 0] for answer, _ in scanned])
        expected.append(np.concatenate([rows, rest.rows[:, 0]]))
        return (), {}

    expected: list[Any] = []

    def decide() -> None:
        placed.append(views.place(slots[numbers], shapes[numbers], claim=True))

    benchmark.pedantic(decide, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
    for answer, rows in zip(placed, expected, strict=True):
        assert (rows >= 0).all()
        np.testing.assert_array_equal(answer.rows[:, 0], rows)
    took = benchmark.stats.stats.median / work.requests
    blocks, opened, rebased, _ = (views.statistics / work.requests).tolist()
    show(
        Figure(
            "class views",
            work.name,
            took * 1e6,
            "us",
            float(np.median(scans)) * 1e6,
            note=(
                f"{1 / took:,.0f}/s; a decision evaluates {blocks:.1f} blocks, opens {opened:.1f}, "
                f"re-bases {rebased:.2f}; the floor is a full scan"
            ),
        )
    )
