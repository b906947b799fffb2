"""How long instances live: for ever, for one time, or at random by a distribution of a given mean."""

from __future__ import annotations

from math import gamma, isfinite, log

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidRequestError
from engine.whatif.scenario.workload import Lifetime


def lifetimes_s(lifetime: Lifetime, many: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how long each of so many instances lives; infinity: for ever.

    ``spread`` is sigma of a lognormal, whose mu is then ln(mean) - sigma**2 / 2, and the shape k of a Weibull, whose
    scale is then mean / gamma(1 + 1/k). Raises InvalidRequestError for a spread that no scale makes up for.
    """
    mean, spread = lifetime.mean, lifetime.spread
    if lifetime.kind == "forever":
        return np.full(many, np.inf)
    if lifetime.kind == "fixed":
        return np.full(many, mean)
    if lifetime.kind == "exponential":
        return rng.exponential(mean, many)
    if lifetime.kind == "lognormal":
        return rng.lognormal(log(mean) - spread**2 / 2, spread, many)
    try:
        unit_mean = gamma(1.0 + 1.0 / spread)
    except OverflowError:
        unit_mean = float("inf")
    if not isfinite(unit_mean):
        raise InvalidRequestError(
            f"workload.mix.lifetime.spread: a Weibull of shape {spread:g} has no mean that can be told; raise it",
            field="workload.mix.lifetime.spread",
        )
    return rng.weibull(spread, many) * (mean / unit_mean)
