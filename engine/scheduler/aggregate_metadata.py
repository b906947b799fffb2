"""What the metadata of a host's aggregates say together: as texts, split at commas, or as the least of some numbers.

The rules are those of nova.scheduler.filters.utils.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from engine.model.aggregate import Aggregate

Number = TypeVar("Number", int, float)


def raw_values(aggregates: Iterable[Aggregate], key: str) -> list[str]:
    """Return the values that aggregates have under a key, as they are, in the aggregates' order."""
    return [item.metadata[key] for item in aggregates if key in item.metadata]


def split_metadata(aggregates: Iterable[Aggregate]) -> dict[str, list[str]]:
    """Return the values by key, each split at commas and stripped; a value that several aggregates have comes again."""
    found: dict[str, list[str]] = {}
    for item in aggregates:
        for key, value in item.metadata.items():
            found.setdefault(key, []).extend(part.strip() for part in value.split(","))
    return found


def finite(text: str) -> float:
    """Return a finite number; raise ValueError for any other text, ``nan`` and ``inf`` included."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no finite number")
    return number


def least_number(values: Sequence[str], default: Number, cast: Callable[[str], Number]) -> Number:
    """Return the least of some metadata values read as numbers; ``default`` when there is none or one is no number.

    One bad value discards the good ones too, as where nova's filters and weighers catch validate_num_values.
    """
    try:
        return min((cast(value) for value in values), default=default)
    except ValueError:
        return default
