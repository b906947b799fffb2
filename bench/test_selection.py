"""Decisions and their claims from warm class views, against a full scan for each; and several instances at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.classes import OPTIONS, Classes, flavors, make_selector, make_table
from bench.floors import Columns, fits, numpy_weights
from bench.report import Figure
from bench.workloads import MULTI_CREATE, SELECTION, MultiCreateWork, SelectionWork, chosen, times
from engine.inventory.usage import USAGE_COLUMNS, Amounts, apply_usage, flavor_amounts
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions


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


@pytest.mark.parametrize("work", chosen(MULTI_CREATE), ids=lambda work: work.name)
def test_multi_create(
    work: MultiCreateWork, benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]
) -> None:
    flavor = Flavor("general", 2, 4096, 20)
    amounts = flavor_amounts(flavor)
    table = make_table(fleet_of(work.hosts))
    classes = Classes(make_selector(table, OPTIONS["spread"]), [flavor])
    selector = classes.selector
    slot, shape = classes.slots()
    request = RequestSpec(flavor=flavor, num_instances=work.instances)
    before = {name: table.columns[name].copy() for name in (*USAGE_COLUMNS, "num_io_ops")}
    scans, answers = [], []

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        for row in answers[-1] if answers else ():
            table.apply(row, -1, amounts)
        scans.append(classes.full_scan(slot, shape, claim=False)[1])
        return (), {}

    def create() -> None:
        answers.append([item.row for item in selector.select(request)])

    benchmark.pedantic(create, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
    columns = {**table.columns, **before}
    expected = numpy_multi_create(columns, amounts, work.instances, OPTIONS["spread"])
    assert all(rows == expected for rows in answers)
    took = benchmark.stats.stats.median
    show(
        Figure(
            "multi-create",
            work.name,
            took * 1e6,
            "us",
            work.instances * float(np.median(scans)) * 1e6,
            note="the floor is a full scan an instance",
        )
    )


def numpy_multi_create(columns: Columns, amounts: Amounts, instances: int, options: SchedulerOptions) -> list[int]:
    """Return the rows of one request's instances, chosen one after the other in plain numpy.

    As in nova, what the service's state and placement say is asked once, ties keep the order of the step before, and
    a build in progress counts as an I/O operation.
    """
    order = np.flatnonzero(fits(columns, amounts) & (columns["service_up"] != 0))
    chosen_rows: list[int] = []
    for _ in range(instances):
        mask = np.zeros(len(columns["present"]), dtype=np.bool_)
        mask[order] = True
        weights = numpy_weights(columns, mask, options)
        order = order[np.argsort(-weights[order], kind="stable")]
        takes = fits(columns, amounts)
        row = next(int(row) for row in order.tolist() if takes[row])
        apply_usage(row, 1, amounts, 0, *(columns[name] for name in USAGE_COLUMNS))
        columns["num_io_ops"][row] += 1
        chosen_rows.append(row)
    return chosen_rows
