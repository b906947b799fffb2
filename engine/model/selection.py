"""Selection: the answer to a request, one chosen host an instance with its alternates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """The host chosen for one instance: its row and weight, and the rows and weights of its alternates, best first."""

    row: int
    weight: float
    alternates: tuple[int, ...] = ()
    alternate_weights: tuple[float, ...] = ()
