"""What the benchmarks share: fleets made once, and the report at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from bench.report import Figure, report_lines, with_rounds
from bench.workloads import SEED
from engine.inventory.generate import generate_fleet

_FIGURES: pytest.StashKey[list[Figure]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    figures = config.stash[_FIGURES]
    if figures:
        terminalreporter.section("figures and floors")
        for line in report_lines(figures):
            terminalreporter.write_line(line)


@pytest.fixture
def show(benchmark: Any, pytestconfig: pytest.Config) -> Callable[[Figure], None]:
    """Put a figure into the report and into pytest-benchmark's file of results, with the spread of its rounds."""

    def add(figure: Figure) -> None:
        figure = with_rounds(figure, benchmark.stats.stats.data if benchmark.stats else ())
        pytestconfig.stash[_FIGURES].append(figure)
        benchmark.extra_info.setdefault("figures", []).append(figure.as_info())

    return add


@pytest.fixture(scope="session")
def fleet_of() -> Callable[[int], pa.Table]:
    """Return the generated fleet of so many hosts; the last one is kept."""
    kept: dict[int, pa.Table] = {}

    def make(hosts: int) -> pa.Table:
        if hosts not in kept:
            kept.clear()
            kept[hosts] = generate_fleet(hosts, SEED)
        return kept[hosts]

    return make
