"""Arrivals in time: Poisson at a rate that grows and swings over each day, or at the even distances of that rate.

A Poisson process of a growing rate is one of unit rate whose times go through the inverse of the integrated rate
(Cinlar 1975); the daily swing is laid over it by thinning, which keeps each arrival with the share that the rate has of
its highest (Lewis and Shedler 1979). Both are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p, pi
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidRequestError
from engine.whatif.workloads.limits import MAX_INSTANCES

_DAY_S: Final = 86_400.0
_STEPS_A_DAY: Final = 288
_ROUNDS: Final = 60
_NEAR_S: Final = 1e-6

Seconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rate:
    """How many arrivals a second: ``per_second`` until 0, then exp(``growth`` t) times as many, swinging by ``swing``.

    ``swing`` is the part of the rate by which it rises and falls over each day, a sine that begins at 0.
    """

    per_second: float
    growth: float = 0.0
    swing: float = 0.0

    def until(self, times_s: Seconds) -> Seconds:
        """Return the arrivals expected from 0 to each time, negative for times before 0."""
        grown = np.maximum(times_s, 0.0)
        with np.errstate(over="ignore"):
            # what grows beyond all numbers is refused for its many arrivals
            plain = np.expm1(self.growth * grown) / self.growth if self.growth else grown
        total = plain + np.minimum(times_s, 0.0)
        if self.swing:
            total = total + self.swing * (self._waves(grown, self.growth) + self._waves(np.minimum(times_s, 0.0), 0.0))
        return np.asarray(self.per_second * total)

    def at(self, times_s: Seconds) -> Seconds:
        """Return the rate at each time, in arrivals a second."""
        grown = np.exp(self.growth * np.maximum(times_s, 0.0))
        return np.asarray(self.per_second * grown * (1.0 + self.swing * np.sin(2 * pi / _DAY_S * times_s)))

    def _waves(self, times_s: Seconds, growth: float) -> Seconds:
        """Return the integral of exp(growth t) sin(wt) from 0 to each time."""
        w = 2 * pi / _DAY_S
        turned = w * times_s
        return np.asarray(
            (np.exp(growth * times_s) * (growth * np.sin(turned) - w * np.cos(turned)) + w) / (growth**2 + w**2)
        )


def growth_per_second(percent: float, period_s: float) -> float:
    """Return the exponent by which a rate grows each second that grows ``percent`` each ``period_s``, compound.

    Raises InvalidRequestError for growth over no time at all.
    """
    if not percent:
        return 0.0
    if period_s <= 0:
        raise InvalidRequestError("growth_period is 0: growth needs a time in which it happens", field="growth_period")
    return log1p(percent / 100.0) / period_s


def poisson_arrivals(rate: Rate, first_s: float, last_s: float, rng: np.random.Generator) -> Seconds:
    """Return the times of a Poisson process of ``rate`` in [first_s, last_s), ascending; ``first_s`` is not after 0."""
    highest = Rate(rate.per_second * (1.0 + rate.swing), rate.growth)
    low, high = highest.until(np.array([first_s, last_s])).tolist()
    _check_many(high - low)
    many = int(rng.poisson(high - low))
    # so many points of a Poisson process lie as so many uniform ones do
    times = np.sort(_grown(highest, low + (high - low) * rng.random(many)))
    if rate.swing:
        times = times[rng.random(many) * highest.at(times) < rate.at(times)]
    return np.clip(times, first_s, np.nextafter(last_s, first_s))


def even_arrivals(rate: Rate, first_s: float, last_s: float) -> Seconds:
    """Return times in [first_s, last_s) between which ``rate`` expects one arrival each, half of one before the first.

    ``first_s`` is not after 0.
    """
    low, high = rate.until(np.array([first_s, last_s])).tolist()
    _check_many(high - low)
    wanted = low + np.arange(0.5, high - low)
    if not rate.swing:
        return np.clip(_grown(rate, wanted), first_s, np.nextafter(last_s, first_s))
    steps = int((last_s - first_s) / _DAY_S * _STEPS_A_DAY) + 2
    grid = np.linspace(first_s, last_s, steps)
    after = np.clip(np.searchsorted(rate.until(grid), wanted), 1, steps - 1)
    return np.clip(_met(rate, wanted, grid[after - 1], grid[after]), first_s, np.nextafter(last_s, first_s))


def _met(rate: Rate, wanted: Seconds, below: Seconds, above: Seconds) -> Seconds:
    """Return when ``rate`` has ``wanted`` arrivals, each between two times: by Newton, or halved."""
    times = 0.5 * (below + above)
    below, above = below.copy(), above.copy()
    far = np.arange(len(times))
    for _ in range(_ROUNDS):
        at = times[far]
        missing = wanted[far] - rate.until(at)
        is_early = missing > 0
        below[far] = low = np.where(is_early, at, below[far])
        above[far] = high = np.where(is_early, above[far], at)
        with np.errstate(divide="ignore", invalid="ignore"):
            nearer = at + missing / rate.at(at)
        times[far] = nearer = np.where((nearer >= low) & (nearer <= high), nearer, 0.5 * (low + high))
        # where the rate is next to nothing it takes many steps, but there are few such arrivals
        far = far[np.abs(nearer - at) > _NEAR_S]
        if not len(far):
            break
    return times


def _grown(rate: Rate, expected: Seconds) -> Seconds:
    """Return when a rate without swing has ``expected`` arrivals since 0."""
    plain = expected / rate.per_second
    if not rate.growth:
        return np.asarray(plain)
    return np.where(plain > 0, np.log1p(rate.growth * np.maximum(plain, 0.0)) / rate.growth, plain)


def _check_many(expected: float) -> None:
    if not expected <= MAX_INSTANCES:
        raise InvalidRequestError(
            f"workload.mix: {expected:.3g} arrivals are more than {MAX_INSTANCES}; lower per_hour, growth or duration",
            field="workload.mix",
        )
