from __future__ import annotations

from math import gamma, log

import numpy as np
import pytest

from engine.errors import InvalidRequestError
from engine.whatif.scenario.workload import Lifetime
from engine.whatif.workloads.lifetimes import lifetimes_s


def lived(kind, many=200_000, **said):
    lifetime = Lifetime.model_validate({"kind": kind, **said})
    return lifetimes_s(lifetime, many, np.random.default_rng(5))


def test_some_live_for_ever_and_some_for_one_time():
    assert np.isinf(lived("forever", 3)).all()
    assert lived("fixed", 3, mean="1h").tolist() == [3600.0] * 3


@pytest.mark.parametrize(
    ("kind", "spread"),
    [("exponential", 1.0), ("lognormal", 0.5), ("lognormal", 1.0), ("weibull", 0.7), ("weibull", 3.0)],
)
def test_the_mean_is_what_is_said_whatever_the_spread(kind, spread):
    assert lived(kind, mean=1000.0, spread=spread).mean() == pytest.approx(1000.0, rel=0.02)


def test_the_spread_is_what_is_said():
    assert np.log(lived("lognormal", mean=1000.0, spread=0.8)).std() == pytest.approx(0.8, rel=0.02)
    median = np.median(lived("weibull", mean=1000.0, spread=2.0))
    assert median == pytest.approx(1000.0 / gamma(1.5) * log(2) ** 0.5, rel=0.02)
    assert np.median(lived("exponential", mean=1000.0)) == pytest.approx(1000.0 * log(2), rel=0.02)


def test_a_weibull_without_a_mean_is_refused():
    with pytest.raises(InvalidRequestError, match=r"lifetime\.spread"):
        lived("weibull", mean=1.0, spread=0.001)
