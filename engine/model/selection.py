"""Selection: the answer to a request, one chosen host an instance with its alternates."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.assignment import Assignment


@dataclass(frozen=True, slots=True)
class Selection:
    """The host chosen for one instance: its row and weight, and the rows and weights of its alternates, best first.

    ``assignment`` is None for an instance that holds plain amounts and nothing else.
    """

    row: int
    weight: float
    alternates: tuple[int, ...] = ()
    alternate_weights: tuple[float, ...] = ()
    assignment: Assignment | None = None
