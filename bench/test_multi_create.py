"""Several instances of one request, each chosen as nova chooses it, against a full scan an instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.classes import OPTIONS, Classes, make_selector, make_table
from bench.floors import Columns, fits, numpy_weights
from bench.report import Figure
from bench.workloads import MULTI_CREATE, MultiCreateWork, chosen, times
from engine.inventory.usage import USAGE_COLUMNS, Amounts, apply_usage, flavor_amounts
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions

_MOST_CHECKED = 10_000_000
"""Hosts times instances up to which the choice is made again in plain numpy."""


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
    scans: list[float] = []
    answers: list[list[int]] = []

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        if answers:
            table.apply_many(np.array(answers[-1]), -1, np.tile(np.array(amounts), (work.instances, 1)))
        scans.append(classes.full_scan(slot, shape, claim=False)[1])
        return (), {}

    def create() -> None:
        answers.append([item.row for item in selector.select(request)])

    benchmark.pedantic(create, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
    columns = {**table.columns, **before}
    expected = answers[0]
    if work.hosts * work.instances <= _MOST_CHECKED:
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
            aim=f"{work.aim_us} us",
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
