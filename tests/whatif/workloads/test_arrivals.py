from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.whatif.workloads.arrivals import Rate, even_arrivals, growth_per_second, poisson_arrivals

DAY = 86_400.0
RATES = st.builds(
    Rate,
    per_second=st.sampled_from([0.001, 0.01]),
    growth=st.sampled_from([0.0, log(1.5) / DAY, log(0.5) / DAY]),
    swing=st.sampled_from([0.0, 0.3, 1.0]),
)


@given(RATES, st.floats(-2 * DAY, 3 * DAY), st.floats(0, DAY))
@settings(deadline=None)
def test_what_is_expected_is_the_integral_of_the_rate(rate, start, length):
    times = np.linspace(start, start + length, 4001)
    expected = float(np.diff(rate.until(times[[0, -1]]))[0])
    assert expected == pytest.approx(np.trapezoid(rate.at(times), times), rel=1e-4, abs=1e-6)


@given(RATES, st.sampled_from([0.0, -1.5 * DAY]), st.floats(0.1 * DAY, 3 * DAY))
@settings(deadline=None)
def test_between_even_arrivals_one_is_expected(rate, first, last):
    times = even_arrivals(rate, first, last)
    low, high = rate.until(np.array([first, last])).tolist()
    assert len(times) == len(np.arange(0.5, high - low))
    assert np.allclose(rate.until(times) - low, 0.5 + np.arange(len(times)), atol=1e-6)
    assert np.all(np.diff(times) >= 0)
    assert np.all((times >= first) & (times < last))


@given(RATES, st.integers(0, 20), st.sampled_from([0.0, -DAY]))
@settings(deadline=None)
def test_random_arrivals_ascend_within_their_time(rate, seed, first):
    times = poisson_arrivals(rate, first, 2 * DAY, np.random.default_rng(seed))
    assert np.all(np.diff(times) >= 0)
    assert np.all((times >= first) & (times < 2 * DAY))


@pytest.mark.parametrize("swing", [0.0, 0.6])
@pytest.mark.parametrize("growth", [0.0, log(3) / (4 * DAY)])
def test_random_arrivals_are_poisson_in_the_time_that_the_rate_makes(growth, swing):
    rate = Rate(0.5, growth, swing)
    times = poisson_arrivals(rate, -DAY, 4 * DAY, np.random.default_rng(11))
    passed = np.sort(rate.until(times)) - float(rate.until(np.array([-DAY]))[0])
    total = float(np.diff(rate.until(np.array([-DAY, 4 * DAY])))[0])
    assert abs(len(times) - total) < 5 * total**0.5
    # in that time they are uniform (Kolmogorov and Smirnov at one in ten thousand) and their gaps exponential
    steps = np.arange(1, len(passed) + 1) / len(passed)
    assert np.abs(passed / total - steps).max() < 2.3 / len(passed) ** 0.5
    gaps = np.diff(passed)
    assert gaps.mean() == pytest.approx(1.0, abs=0.02)
    assert gaps.std() == pytest.approx(1.0, abs=0.03)


def test_growth_is_compound():
    growth = growth_per_second(10.0, 30 * DAY)
    assert exp(growth * 60 * DAY) == pytest.approx(1.21)
    assert growth_per_second(-50.0, DAY) == pytest.approx(log(0.5) / DAY)
    assert growth_per_second(0.0, 0.0) == 0.0
    with pytest.raises(InvalidRequestError, match="growth_period"):
        growth_per_second(1.0, 0.0)


@pytest.mark.parametrize(("per_second", "growth"), [(1e9, 0.0), (1.0, 1.0), (1e-9, 100.0)])
def test_more_arrivals_than_fit_in_memory_are_refused_at_once(per_second, growth):
    for process in (lambda rate: even_arrivals(rate, 0.0, DAY), _random):
        with pytest.raises(InvalidRequestError, match="arrivals are more than"):
            process(Rate(per_second, growth))


def _random(rate):
    return poisson_arrivals(rate, 0.0, DAY, np.random.default_rng(1))
