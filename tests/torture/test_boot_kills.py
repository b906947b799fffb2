"""A few of the kills of ``boot_kills``: one of every process, each at a stage where it matters most."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.clouds import Cloud
from tests.torture.boot_kills import STAGES, drilled, kill_once

BY_STEPS = {stage.steps: stage for stage in STAGES}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with drilled(tmp_path_factory.mktemp("kills")) as up:
        yield up


@pytest.mark.parametrize(
    ("number", "steps", "part"),
    [
        (0, "8-12 host chosen, cast", "api"),
        (1, "8-12 host chosen, cast", "scheduler"),
        (2, "24 port bound", "network"),
        (3, "26-27 volume connected", "volume"),
        (4, "28 domain started", "compute"),
        (5, "28 result recorded", "conductor"),
    ],
)
def test_a_boot_survives_the_kill_of_a_process(running: Cloud, number: int, steps: str, part: str) -> None:
    outcome = kill_once(running, BY_STEPS[steps], part, number)
    assert outcome.status == "ACTIVE", outcome
