"""Comparison of Berth's answer with the oracle's: hosts and orders exactly, weights within a relative error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

WEIGHT_TOLERANCE = 1e-9
"""Relative; nova's own order of summation decides the last bits."""

_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came out otherwise than in the case."""

    what: str
    ours: str
    theirs: str


@dataclass(slots=True)
class Comparison:
    """The differences found in one case, how many things were compared, and the worst relative error among weights."""

    differences: list[Difference] = field(default_factory=list)
    checks: int = 0
    worst_error: float = 0.0

    def same(self, what: str, ours: object, theirs: object) -> None:
        """Demand equality."""
        self.checks += 1
        if ours != theirs:
            self.differences.append(Difference(what, _short(ours), _short(theirs)))

    def close(self, what: str, ours: Sequence[float], theirs: Sequence[float]) -> None:
        """Demand numbers equal within WEIGHT_TOLERANCE, and as many."""
        self.checks += 1
        if len(ours) != len(theirs):
            self.differences.append(Difference(f"{what}: length", str(len(ours)), str(len(theirs))))
            return
        for index, (mine, its) in enumerate(zip(ours, theirs, strict=True)):
            error = abs(mine - its) / max(abs(mine), abs(its), 1e-300) if mine != its else 0.0
            self.worst_error = max(self.worst_error, error)
            if not error <= WEIGHT_TOLERANCE:
                self.differences.append(Difference(f"{what}[{index}]", repr(mine), repr(its)))
                return

    def weighed(self, what: str, ours: Sequence[tuple[int, float]], theirs: Sequence[Sequence[float]]) -> None:
        """Demand the same hosts in the same order with the same weights."""
        self.same(f"{what}: hosts", [host for host, _ in ours], [int(host) for host, _ in theirs])
        if len(ours) == len(theirs):
            self.close(f"{what}: weights", [weight for _, weight in ours], [weight for _, weight in theirs])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
