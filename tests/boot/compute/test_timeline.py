"""Steps are recorded with their times, what was done, and what went wrong."""

from __future__ import annotations

from itertools import count

import pytest

from engine.boot.compute.timeline import Timeline


def timeline() -> Timeline:
    ticks = count(1000, 10)
    return Timeline(clock_us=lambda: next(ticks))


def test_a_step_has_its_times_and_detail() -> None:
    steps = timeline()
    with steps.during(24) as step:
        step.detail = "port p1"
    steps.mark(18, "taken up again")
    first, second = steps.take()
    assert (first.step, first.detail, first.started_us) == (18, "taken up again", first.finished_us)
    assert (second.step, second.started_us, second.finished_us, second.error) == (24, 1000, 1010, "")
    assert steps.take() == []


def test_a_step_that_fails_says_why_and_passes_it_on() -> None:
    steps = timeline()
    with pytest.raises(ValueError, match="no room"), steps.during(28):
        raise ValueError("no room" + "!" * 10_000)
    (failed,) = steps.take()
    assert failed.error.startswith("no room!")
    assert len(failed.error) == 500


def test_an_end_before_the_begin_is_not_recorded_as_such() -> None:
    steps = timeline()
    steps.add(20, 500, 400)
    (step,) = steps.take()
    assert step.finished_us == 500
