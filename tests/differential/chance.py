"""Random choices for generated cases, all from one seeded source."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from typing import Any, TypeVar

Content = dict[str, Any]
T = TypeVar("T")


class Chance:
    """A seeded source of choices; two of one seed choose alike."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def one(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return self._random.choice(values)

    def some(self, values: Sequence[T], least: int = 0, most: int | None = None) -> list[T]:
        """Return so many different values, in random order."""
        most = len(values) if most is None else min(most, len(values))
        return self._random.sample(values, self._random.randint(min(least, most), most))

    def number(self, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``, both included."""
        return self._random.randint(low, high)

    def maybe(self, probability: float) -> bool:
        """Return True that often."""
        return self._random.random() < probability

    def uuid(self) -> str:
        """Return a uuid."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
