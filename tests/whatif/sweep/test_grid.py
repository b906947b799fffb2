from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from engine.whatif.sweep.grid import MAX_RUNS, at_point, grid_points, point_text
from tests.whatif.small_scenarios import scenario_of

SWEEP = """
[sweep]
"chain.ram_weight_multiplier" = [1.0, -1.0]
seed = [1, 2, 3]
"""


def test_every_combination_is_there_once_and_the_last_key_changes_fastest() -> None:
    points = grid_points(scenario_of(SWEEP))
    assert [tuple(point.values()) for point in points] == [(w, s) for w in (1.0, -1.0) for s in (1, 2, 3)]
    assert all(list(point) == ["chain.ram_weight_multiplier", "seed"] for point in points)


def test_a_scenario_without_a_sweep_has_one_point() -> None:
    assert grid_points(scenario_of()) == [{}]


def test_a_point_s_scenario_has_its_values_and_sweeps_no_more() -> None:
    scenario = at_point(scenario_of(SWEEP), {"chain.ram_weight_multiplier": -1.0, "seed": 3})
    assert scenario.chain["ram_weight_multiplier"] == -1.0
    assert scenario.seed == 3
    assert not scenario.sweep


@pytest.mark.parametrize(
    ("sweep", "problem"),
    [
        ({"seed": ()}, "sweep.seed: has no values"),
        ({"seed": tuple(range(101)), "title": tuple("x" * i for i in range(100))}, f"at most {MAX_RUNS}"),
        ({"sweep.seed": (1, 2)}, "a sweep cannot vary itself"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(sweep: dict[str, tuple[object, ...]], problem: str) -> None:
    scenario = scenario_of().model_copy(update={"sweep": sweep})
    with pytest.raises(InvalidRequestError, match=problem):
        grid_points(scenario)


@pytest.mark.parametrize("point", [{"workload.mix.per_hour": -1}, {"nowhere": 1}, {"seed": "many"}])
def test_a_value_that_makes_no_scenario_is_told_with_its_point(point: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError, match=f"sweep, at {next(iter(point))}"):
        at_point(scenario_of(), point)


def test_points_are_written_as_people_write_them() -> None:
    assert point_text({"a.b": -1.5, "c": "text", "d": True, "e": [1]}) == "a.b = -1.5, c = text, d = true, e = [1]"
