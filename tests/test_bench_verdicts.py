from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.verdicts import FEWEST_PAIRS, FigureName, compared, compared_all, verdict_lines

TIME = FigureName("scan", "10k", "us")
RATE = FigureName("stream", "10k", "/s")
VALUES = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=8)


@settings(max_examples=30)
@given(VALUES)
def test_a_side_against_itself_is_no_difference(values: list[float]):
    found = compared(TIME, values, values, margin=0.02, seed=0)
    assert found.gain == pytest.approx(1)
    assert found.verdict == ("no difference" if len(values) >= FEWEST_PAIRS else "too few rounds")


@settings(max_examples=30)
@given(VALUES, VALUES)
def test_changing_sides_turns_the_gain_over(base: list[float], head: list[float]):
    many = min(len(base), len(head))
    there = compared(TIME, base[:many], head[:many], margin=0.02, seed=0)
    back = compared(TIME, head[:many], base[:many], margin=0.02, seed=0)
    assert there.gain * back.gain == pytest.approx(1)
    assert there.low <= there.gain * (1 + 1e-9)
    assert there.high >= there.gain * (1 - 1e-9)


@settings(max_examples=30)
@given(st.floats(1.1, 100.0), st.integers(0, 1000))
def test_half_the_time_and_twice_the_rate_are_both_faster(factor: float, seed: int):
    rng = np.random.default_rng(seed)
    base = (100 * rng.uniform(0.99, 1.01, 6)).tolist()
    less = [value / factor * float(rng.uniform(0.99, 1.01)) for value in base]
    assert compared(TIME, base, less, margin=0.02, seed=0).verdict == "faster"
    assert compared(TIME, less, base, margin=0.02, seed=0).verdict == "slower"
    assert compared(RATE, base, less, margin=0.02, seed=0).verdict == "slower"
    assert compared(RATE, less, base, margin=0.02, seed=0).verdict == "faster"


def test_what_slows_both_runs_of_a_pair_changes_nothing():
    quiet = [10.0, 10.0, 10.0, 10.0, 10.0]
    loads = [1.0, 3.0, 1.2, 9.0, 2.0]
    base = [value * load for value, load in zip(quiet, loads, strict=True)]
    found = compared(TIME, base, [value / 1.25 for value in base], margin=0.02, seed=0)
    assert found.verdict == "faster"
    assert (found.gain, found.low, found.high) == pytest.approx((1.25, 1.25, 1.25))


def test_a_gain_within_the_margin_is_no_difference():
    assert compared(TIME, [100.0] * 6, [99.0] * 6, margin=0.02, seed=0).verdict == "no difference"
    assert compared(TIME, [100.0] * 6, [99.0] * 6, margin=0.0, seed=0).verdict == "faster"


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_what_has_no_ratio_is_refused(value: float):
    with pytest.raises(ValueError, match="not greater than 0"):
        compared(TIME, [1.0, value], [1.0, 1.0], margin=0.02, seed=0)


@pytest.mark.parametrize(("base", "head"), [([], []), ([1.0], []), ([1.0, 2.0], [1.0])])
def test_sides_without_as_many_runs_are_refused(base: list[float], head: list[float]):
    with pytest.raises(ValueError, match="runs of base"):
        compared(TIME, base, head, margin=0.02, seed=0)


def test_only_figures_of_both_sides_are_compared():
    found = compared_all({TIME: [1.0], RATE: [1.0]}, {RATE: [2.0]}, margin=0.02)
    assert [item.name for item in found] == [RATE]
    assert found[0].gain == pytest.approx(2)


def test_the_table_shows_the_best_of_each_side():
    (heads, time_line, rate_line) = verdict_lines(
        [
            compared(TIME, [3.0, 1.0, 2.0, 2.0], [6.0, 5.0, 4.0, 4.0], margin=0.02, seed=0),
            compared(RATE, [3.0, 1.0, 2.0, 2.0], [6.0, 5.0, 4.0, 4.0], margin=0.02, seed=0),
        ]
    )
    assert heads.startswith("benchmark")
    assert time_line.split()[3:7] == ["1", "2", "4", "4.5"]
    assert time_line.endswith("slower")
    assert rate_line.split()[3:7] == ["3", "2", "6", "4.5"]
    assert rate_line.endswith("faster")


def test_json_keeps_every_value():
    kept = compared(TIME, [1.0, 2.0], [2.0, 1.0], margin=0.02, seed=0).as_json()
    assert kept["bench"] == "scan"
    assert kept["base"] == (1.0, 2.0)
    assert kept["verdict"] == "too few rounds"
    assert math.isclose(kept["gain"], 1.0)
