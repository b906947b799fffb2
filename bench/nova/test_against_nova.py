"""Berth's whole selection against the CPU time of nova's filters and weighers, on one machine in one run.

Runs when NOVA_PYTHON names an interpreter that has nova (``make bench-nova`` sees to that).
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from bench.nova.asking import NovaRound, nova_on
from bench.nova.fleets import Content, numa_case, plain_case
from bench.report import Figure, quartiles, spread_text
from bench.workloads import SEED, chosen, times
from engine.inventory.usage import assigned_amounts, flavor_amounts
from engine.model.request_spec import RequestSpec
from engine.model.selection import Selection
from engine.scheduler.chain import Chain
from engine.scheduler.options import DEFAULT_FILTERS, SchedulerOptions
from engine.scheduler.select import Selector
from tests.differential.filter_families import ALL_FILTERS
from tests.oracle.build import build_request, build_table, microseconds

NOVA_PYTHON = os.environ.get("NOVA_PYTHON", "")

pytestmark = pytest.mark.skipif(not NOVA_PYTHON, reason="no interpreter with nova: set NOVA_PYTHON, or make bench-nova")


@dataclass(frozen=True)
class NovaWork:
    """One request on one fleet, answered by both; the case is made when it is asked for."""

    name: str
    make: Callable[[], Content]
    nova_rounds: int
    rounds: int
    quick: bool = False


WORKS = (
    NovaWork("10k, default filters", partial(plain_case, 10_000, DEFAULT_FILTERS), nova_rounds=3, rounds=20),
    NovaWork("10k, all 22 filters", partial(plain_case, 10_000, ALL_FILTERS), nova_rounds=2, rounds=20),
    NovaWork("5k of two cells, two NUMA nodes", partial(numa_case, 5_000), nova_rounds=2, rounds=5),
    NovaWork("500, all 22 filters", partial(plain_case, 500, ALL_FILTERS), nova_rounds=1, rounds=3, quick=True),
)


@pytest.mark.parametrize("work", chosen(WORKS), ids=lambda work: work.name)
def test_selection(work: NovaWork, benchmark: Any, show: Callable[[Figure], None]) -> None:
    case = work.make()
    with nova_on(case, NOVA_PYTHON) as asked:
        rounds = [asked.round() for _ in range(times(work.nova_rounds))]
    nova = rounds[0]
    assert {(item.best, item.passing) for item in rounds} == {(nova.best, nova.passing)}
    table, request = build_table(case), build_request(case)
    table.refresh_services(microseconds(case["now"]), 60_000_000)
    options = SchedulerOptions(
        enabled_filters=tuple(case["config"]["filter_scheduler"]["enabled_filters"]), placement_filters=()
    )
    chain = Chain.from_options(options)
    amounts = flavor_amounts(request.flavor)
    selectors: list[Selector] = []
    answers: list[Selection] = []

    def give_back() -> None:
        if answers:
            last = answers[-1]
            uuid = case["hosts"][last.row]["uuid"]
            table.apply(last.row, -1, assigned_amounts(amounts, last.assignment, uuid), last.assignment)

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        # a selector of its own each round, so that nothing is known of the hosts or of the request
        give_back()
        selector = Selector(table, chain, random.Random(SEED))
        selector.warm()
        selectors.append(selector)
        return (), {}

    def select() -> None:
        answers.extend(selectors[-1].select(request))

    benchmark.pedantic(select, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
    assert {item.row for item in answers} == {nova.best[0][0]}
    ours = benchmark.stats.stats.median
    theirs = statistics.median(item.decision_s for item in rounds)
    show(
        Figure(
            "selection against nova",
            work.name,
            ours * 1e3,
            "ms",
            theirs * 1e3,
            note=(f"{theirs / ours:,.0f} times as fast, the same host of {nova.passing}; nova: {parts(rounds)}"),
        )
    )
    again = [repeated(selectors[-1], request, give_back, answers) for _ in range(times(work.rounds))]
    assert {item.row for item in answers} == {nova.best[0][0]}
    show(
        Figure(
            "selection against nova",
            f"{work.name}, asked again",
            statistics.median(again) * 1e3,
            "ms",
            theirs * 1e3,
            spread=quartiles([item * 1e3 for item in again]),
            note="what the request before learnt of the hosts is kept",
        )
    )


def repeated(
    selector: Selector, request: RequestSpec, give_back: Callable[[], None], answers: list[Selection]
) -> float:
    """Return the seconds that a selection takes once its like has been answered."""
    give_back()
    began = time.perf_counter()
    answers.extend(selector.select(request))
    return time.perf_counter() - began


def parts(rounds: Sequence[NovaRound]) -> str:
    """Return what the parts of nova's selections took, from the quickest round to the slowest."""
    taken = {
        "filters": [item.filters_s for item in rounds],
        "weighers": [item.weighers_s for item in rounds],
        "host states, made before": [item.states_s for item in rounds],
    }
    return ", ".join(f"{spread_text((min(many), max(many)))} s of {name}" for name, many in taken.items())
