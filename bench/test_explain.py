"""An explanation of one request, all hosts asked about by all filters, against one vectorised read of the columns."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.classes import OPTIONS, make_table
from bench.floors import as_words, numpy_best, read_words
from bench.report import Figure
from bench.workloads import EXPLAIN, FleetWork, chosen, times
from engine.inventory.usage import flavor_amounts
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.explain import Explanation, explain
from engine.scheduler.sparse import SelectionContext

FLAVOR = Flavor("general", 2, 4096, 20)


@pytest.mark.parametrize("work", chosen(EXPLAIN), ids=lambda work: work.name)
def test_explain(
    work: FleetWork, benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]
) -> None:
    chain = Chain.from_options(OPTIONS["spread"])
    # as the service does it: on a snapshot, which shares what is known of facts with its table
    picture = make_table(fleet_of(work.hosts)).snapshot()
    request = RequestSpec(flavor=FLAVOR)
    words = as_words(picture.columns, list(dict.fromkeys([*chain.sifted_columns, *chain.weighed_columns])))
    reading: list[float] = []
    answers: list[Explanation] = []

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        began = time.perf_counter()
        read_words(words)
        reading.append(time.perf_counter() - began)
        return (), {}

    def ask() -> None:
        answers.append(explain(chain, picture, request, SelectionContext(picture)))

    benchmark.pedantic(ask, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
    best = numpy_best(picture.columns, flavor_amounts(FLAVOR), OPTIONS["spread"])
    for answer in answers:
        assert (answer.hosts_total, answer.passed) == (work.hosts, best.survivors)
        assert answer.weighed[0][:2] == (best.row, pytest.approx(best.weight, rel=1e-12))
        assert sum(item.removed for item in answer.rejections) == work.hosts - best.survivors
    took = benchmark.stats.stats.median
    show(
        Figure(
            "explain",
            work.name,
            took * 1e6,
            "us",
            float(np.median(reading)) * 1e6,
            note=f"{took / work.hosts * 1e9:.1f} ns a host; the floor reads the columns once",
        )
    )
