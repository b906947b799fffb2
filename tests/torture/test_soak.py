"""A short soak passes, and what grows or drifts is complained of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.torture.soak import Sample, between, drift, growth, minute_line, soak
from tests.torture.soak_load import Noted

STEADY = [Sample(2.0 * number, 200.0 + number % 3, 20, 30, 5.0) for number in range(300)]


def noted(slope: float, *, pace: float = 0.0) -> Noted:
    """Ten minutes of calls of 2 ms, and by how many ms they and the health check are slower at the end."""
    found = Noted()
    for number in range(600):
        found.latencies.setdefault("place", []).append((float(number), 2.0 + slope * number / 600))
        found.latencies.setdefault("health", []).append((float(number), 1.0 + pace * number / 600))
    return found


def test_for_ten_seconds_nothing_is_lost(tmp_path: Path) -> None:
    said: list[str] = []
    soaked = soak(tmp_path, minutes=0.15, hosts=1_000, load=0.7, seed=3, say=said.append)
    assert soaked.held > 100
    assert soaked.complaints == []
    assert soaked.noted.watched > 0
    kinds = {"batch", "disable", "explain", "health", "heartbeat", "import", "list", "place", "report"}
    assert kinds <= soaked.noted.latencies.keys()
    assert all(item.threads > 0 and item.files > 0 and item.ledger_mb > 0 for item in soaked.samples)
    assert len(soaked.samples) > 2


def test_what_stays_as_it_is_is_not_complained_of() -> None:
    assert growth(STEADY) == []
    assert drift(noted(0.0), 600) == []


def test_memory_that_grows_is_complained_of() -> None:
    leaking = [replace(item, rss_mb=item.rss_mb + item.second / 20) for item in STEADY]
    (complaint,) = growth(leaking)
    assert complaint.startswith("memory grew by 1")


def test_one_step_of_an_allocator_is_not_complained_of() -> None:
    stepped = [replace(item, rss_mb=item.rss_mb + (3.0 if item.second > 450 else 0.0)) for item in STEADY]
    assert growth(stepped) == []


@pytest.mark.parametrize("name", ["threads", "files"])
def test_threads_and_files_that_stay_are_complained_of(name: str) -> None:
    grown = [replace(item, **{name: 30 + int(item.second / 100)}) for item in STEADY]
    (complaint,) = growth(grown)
    assert complaint.startswith(name)


def test_calls_that_become_slower_are_complained_of_unless_all_do() -> None:
    (complaint,) = drift(noted(8.0), 600)
    assert complaint.startswith("place took")
    assert drift(noted(8.0, pace=4.0), 600) == []


def test_a_minute_is_one_line_of_medians_and_tails() -> None:
    line = minute_line(STEADY, noted(0.0), 1)
    assert "2 min" in line
    assert "20 threads" in line
    assert "place 2.0/2" in line
    assert np.median(between(noted(0.0), "place", 60, 120)) == 2.0
