"""Grid: every combination of the values that a scenario's sweep gives its keys."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from math import prod
from typing import Any, Final

from engine.errors import InvalidRequestError
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import with_values

MAX_RUNS: Final = 10_000

Point = Mapping[str, Any]
"""The value of each varied key, in the order that the scenario names them."""


def grid_points(scenario: Scenario) -> list[Point]:
    """Return every combination, the last key's values changing fastest; one empty one for a scenario without a sweep.

    Raises InvalidRequestError for a key without values, for too many combinations, and for keys of the sweep itself.
    """
    for key, values in scenario.sweep.items():
        if not values:
            raise InvalidRequestError(f"sweep.{key}: has no values: give at least one, or take the key away", key=key)
        if key.split(".")[0] == "sweep":
            raise InvalidRequestError(f"sweep.{key}: a sweep cannot vary itself", key=key)
    many = prod(map(len, scenario.sweep.values()))
    if many > MAX_RUNS:
        raise InvalidRequestError(f"the sweep has {many} combinations, at most {MAX_RUNS}: take fewer values")
    return [dict(zip(scenario.sweep, values, strict=True)) for values in itertools.product(*scenario.sweep.values())]


def at_point(scenario: Scenario, point: Point) -> Scenario:
    """Return the scenario of one combination, which sweeps no more; raise InvalidRequestError, which names it."""
    try:
        return with_values(scenario.model_copy(update={"sweep": {}}), point)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"sweep, at {point_text(point)}: {error.message}") from error


def value_text(value: Any) -> str:
    """Return a value as people write it."""
    return value if isinstance(value, str) else json.dumps(value)


def point_text(point: Point) -> str:
    """Return a combination as people write it: ``chain.ram_weight_multiplier = -1.0, seed = 2``."""
    return ", ".join(f"{key} = {value_text(value)}" for key, value in point.items())
