"""What a comparison found, as data: the times of each contender on each fleet, what nova said beside them, floors."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.report import quartiles

NOVA, BODIES, NUMPY = "nova", "bodies", "numpy"
FIRST, AGAIN, CLAIM, READ = "first", "again", "claim", "read"
LABELS: Mapping[str, str] = {
    NOVA: "nova's filters and weighers",
    BODIES: "the plug-ins' bodies in plain Python",
    NUMPY: "numpy, one pass a filter",
    FIRST: "Berth, first request of its class",
    AGAIN: "Berth, asked again",
    CLAIM: "Berth, a decision and its claim in a batch",
    READ: "floor: one vectorised read of the columns",
}
"""The contenders, slowest first, in the words of the tables."""


@dataclass(frozen=True)
class Timing:
    """The CPU seconds of one decision by a contender on a fleet of so many hosts under a chain, a number a round."""

    chain: str
    hosts: int
    contender: str
    seconds: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """The median round."""
        return statistics.median(self.seconds)

    @property
    def spread_s(self) -> tuple[float, float]:
        """The middle half of the rounds."""
        return quartiles(self.seconds)


@dataclass(frozen=True)
class Case:
    """What was asked of all: how many of the hosts passed, and nova's seconds for its host states, not compared."""

    chain: str
    hosts: int
    passing: int
    states_s: tuple[float, ...]


@dataclass(frozen=True)
class Floor:
    """Something that no service does without, in wall-clock seconds."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """The median of all."""
        return statistics.median(self.seconds)

    @property
    def spread_s(self) -> tuple[float, float]:
        """The middle half of all."""
        return quartiles(self.seconds)


@dataclass(frozen=True)
class Comparison:
    """A whole run: its times, and what it ran on (``about``: names and values in the order they are shown)."""

    about: Mapping[str, str]
    cases: tuple[Case, ...]
    timings: tuple[Timing, ...]
    floors: tuple[Floor, ...]

    @property
    def chains(self) -> list[str]:
        """The chains compared, in order."""
        return list(dict.fromkeys(item.chain for item in self.timings))

    def of(self, chain: str, contender: str) -> dict[int, Timing]:
        """Return a contender's times under a chain, by the number of hosts."""
        return {item.hosts: item for item in self.timings if (item.chain, item.contender) == (chain, contender)}

    def ratios(self, chain: str, contender: str) -> dict[int, tuple[float, float, float]]:
        """Return how many times as long nova takes as a contender, by the number of hosts: median, least, most.

        Least and most are the ratios of the quartiles that are nearest and furthest from each other.
        """
        found = {}
        nova = self.of(chain, NOVA)
        for hosts, timing in self.of(chain, contender).items():
            if hosts in nova:
                (low, high), (nova_low, nova_high) = timing.spread_s, nova[hosts].spread_s
                found[hosts] = (nova[hosts].median_s / timing.median_s, nova_low / high, nova_high / low)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the run as JSON has it."""
        return asdict(self)


def from_json(content: Mapping[str, Any]) -> Comparison:
    """Return the run that ``as_json`` wrote; raise KeyError or TypeError for anything else."""
    return Comparison(
        dict(content["about"]),
        tuple(Case(**{**item, "states_s": tuple(item["states_s"])}) for item in content["cases"]),
        tuple(Timing(**{**item, "seconds": tuple(item["seconds"])}) for item in content["timings"]),
        tuple(Floor(**{**item, "seconds": tuple(item["seconds"])}) for item in content["floors"]),
    )


def time_text(seconds: float) -> str:
    """Return a time with the unit that makes it readable."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{_short(seconds / size)} {unit}"
    return f"{_short(seconds / 1e-9)} ns"


def spread_of_times(spread_s: Sequence[float]) -> str:
    """Return the ends of a spread, said once where they look alike."""
    low, high = (time_text(end) for end in spread_s)
    return low if low == high else f"{low} to {high}"


def _short(value: float) -> str:
    """Return a number of at least 1 with two or three figures."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
