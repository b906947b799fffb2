from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, LinePlot, no_progress
from engine.whatif.inputs import Inputs
from engine.whatif.questions.forecast import ask, run_seeds, window_edges
from engine.whatif.questions.forecast_answer import Forecast, Resample
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.questions import ForecastTable
from engine.whatif.sweep.local import LocalExecutor
from tests.whatif.small_scenarios import answer_bytes, inputs_of, scenario_of

FORECAST = """
[forecast]
horizon = "8d"
resamples = 6
growth_percent = 150
growth_period = "8d"
wall_percent = 2
window = "12h"
"""
FLEET = "20 hosts of 64c 256g 2000d in 2 zones"


def asked(scenario: Scenario, inputs: Inputs | None = None, *, seed: int = 3) -> Answer:
    inputs = inputs_of(scenario) if inputs is None else inputs
    return ask(scenario, inputs, seed=seed, progress=no_progress, executor=LocalExecutor(1))


@pytest.fixture(scope="module")
def answer() -> Answer:
    return asked(scenario_of(FORECAST, fleet=FLEET))


def test_the_wall_is_the_first_window_with_too_many_refusals_by_the_decisions(answer: Answer) -> None:
    runs = np.array(answer.decisions["run"].to_pylist())
    times = np.array(answer.decisions["time_s"].to_pylist())
    refused = np.array(answer.decisions["outcome"].to_pylist()) == "refused"
    window_s = 43_200.0
    for run in range(6):
        wall = None
        for window in range(16):
            inside = (runs == run) & (times // window_s == window)
            if inside.any() and 100 * refused[inside].mean() > 2:
                wall = window * window_s
                break
        assert answer.figures["walls_s"][run] == wall


def test_percentiles_of_the_wall_are_those_of_the_runs(answer: Answer) -> None:
    walls = sorted(wall if wall is not None else np.inf for wall in answer.figures["walls_s"])
    expected = {10: walls[0], 50: walls[2], 90: walls[5]}
    for percentile, wall in expected.items():
        assert answer.figures[f"wall_p{percentile}_s"] == (wall if np.isfinite(wall) else None)
    assert answer.figures["no_wall_percent"] == pytest.approx(100 * np.isinf(walls).mean())
    assert "The wall is met after" in answer.headline


def test_bands_lie_around_their_medians(answer: Answer) -> None:
    refused, met, used = answer.plots
    for plot in (refused, used):
        assert isinstance(plot, LinePlot)
        banded = [series for series in plot.series if series.low]
        assert banded
        for series in banded:
            assert np.all(np.array(series.low) <= np.array(series.y))
            assert np.all(np.array(series.y) <= np.array(series.high))
    assert isinstance(met, LinePlot)
    assert list(met.series[0].y) == sorted(met.series[0].y)
    assert used.series[0].x[-1] == 8 * 86_400


def test_the_answer_does_not_depend_on_where_and_how_the_runs_are_made(answer: Answer) -> None:
    scenario = scenario_of(FORECAST, fleet=FLEET)
    with LocalExecutor(2) as executor:
        two = ask(scenario, inputs_of(scenario), seed=3, progress=no_progress, executor=executor)
    assert answer_bytes(two) == answer_bytes(answer)


def test_another_seed_draws_other_arrivals(answer: Answer) -> None:
    other = asked(scenario_of(FORECAST, fleet=FLEET), seed=4)
    assert other.figures["windows"] != answer.figures["windows"]


def test_runs_differ_from_each_other(answer: Answer) -> None:
    requests = {row[2] for row in answer.tables[1].rows}
    assert len(requests) > 1


def test_a_fleet_that_is_large_enough_meets_no_wall() -> None:
    answer = asked(scenario_of(FORECAST, fleet="200 hosts of 64c 256g 2000d"))
    assert answer.figures["wall_p50_s"] is None
    assert answer.figures["no_wall_percent"] == 100
    assert answer.headline.startswith("No wall within 8 d: none of 6 runs has more than 2 % refused within 12 h")


def test_a_fleet_of_one_host_meets_the_wall_at_once() -> None:
    answer = asked(scenario_of(FORECAST, fleet="1 host of 64c 256g 2000d"))
    assert answer.figures["wall_p90_s"] == 0
    assert "The wall is met at once in the median of 6 runs (at once in the first tenth" in answer.headline


def test_a_trace_is_drawn_anew_by_blocks(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    created = np.sort(rng.uniform(0, 4 * 86_400, 400))
    table = pa.table(
        {
            "vm_id": np.arange(400),
            "t_create": created,
            "t_delete": created + rng.exponential(40_000, 400),
            "vcpus": rng.integers(1, 17, 400),
            "memory_mb": rng.integers(1, 17, 400) * 4096,
            "disk_gb": np.full(400, 20),
        }
    )
    pq.write_table(table, tmp_path / "trace.parquet")
    text = FORECAST + 'block = "1d"\n'
    scenario = scenario_of(text, fleet="6 hosts of 64c 256g 2000d", workload='[workload.trace]\nfile = "trace.parquet"')
    answer = asked(scenario, inputs_of(scenario, tmp_path))
    assert answer.figures["requests_median"] > 600
    assert len({row[2] for row in answer.tables[1].rows}) > 1
    times = np.array(answer.decisions["time_s"].to_pylist())
    assert times.max() <= 8 * 86_400


def test_no_decisions_are_kept_where_none_are_wanted() -> None:
    scenario = scenario_of(FORECAST, fleet=FLEET)
    quiet = scenario.model_copy(update={"replay": scenario.replay.model_copy(update={"decisions": False})})
    answer = asked(quiet)
    assert len(answer.decisions) == 0
    assert answer.decisions.column_names[0] == "run"


def test_seeds_hang_on_the_seed_and_the_number_alone() -> None:
    assert run_seeds(3, 5) == run_seeds(3, 9)[:5]
    assert len(set(run_seeds(3, 1000))) == 1000
    assert run_seeds(3, 2) != run_seeds(4, 2)
    assert all(0 <= seed < 2**63 for seed in run_seeds(0, 100))


def test_the_last_window_ends_at_the_horizon() -> None:
    assert window_edges(ForecastTable(horizon=25.0, window=10.0)).tolist() == [0, 10, 20, 25]
    assert window_edges(ForecastTable(horizon=20.0, window=10.0)).tolist() == [0, 10, 20]
    assert window_edges(ForecastTable(horizon=5.0, window=10.0)).tolist() == [0, 5]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (ForecastTable(horizon=0.0), "horizon: must be later than 0"),
        (ForecastTable(window=0.0), "give longer ones"),
        (ForecastTable(horizon=1e9, window=1.0), "more than 100000 windows"),
    ],
)
def test_windows_that_make_no_sense_are_refused(table: ForecastTable, problem: str) -> None:
    with pytest.raises(InvalidRequestError, match=problem):
        window_edges(table)


@pytest.mark.parametrize("workload", ["", "[workload.fill]\nflavors = {small = 1}"])
def test_a_workload_that_does_not_go_on_is_refused(workload: str) -> None:
    with pytest.raises(InvalidRequestError, match="a forecast needs a trace or a mix"):
        asked(scenario_of(FORECAST, workload=workload))


def _forecast(refused: list[list[int]], *, wall_percent: float = 10.0) -> Forecast:
    windows = len(refused[0])
    runs = [
        Resample(np.full(windows, 10), np.array(item), np.array([1.0]), np.array([[0.5, 0.5, 0.0]])) for item in refused
    ]
    table = ForecastTable(horizon=100.0 * windows, window=100.0, wall_percent=wall_percent)
    return Forecast(table, window_edges(table), runs)


def test_exactly_as_much_as_the_wall_is_no_wall() -> None:
    assert _forecast([[0, 1, 2]]).wall_s(50) == 200.0
    assert _forecast([[0, 1, 1]]).wall_s(50) is None


def test_a_wall_that_fewer_than_half_of_the_runs_meet_is_told_by_the_earliest() -> None:
    forecast = _forecast([[0, 5, 0], [0, 0, 0], [0, 0, 0]])
    assert forecast.wall_s(10) == 100.0
    assert forecast.wall_s(50) is None
    assert forecast.headline().startswith("The wall is met in 1 of 3 runs within 5 min, after 1.67 min at the earliest")


def test_walls_are_told_as_durations() -> None:
    table = _forecast([[0, 5, 0], [5, 0, 0], [0, 0, 0]]).tables()[1]
    assert [row[1] for row in table.rows] == ["after 1\u202fmin 40\u202fs", "at once", None]


def test_a_window_in_which_nothing_is_asked_for_is_no_wall() -> None:
    table = ForecastTable(horizon=200.0, window=100.0, wall_percent=0.0)
    run = Resample(np.array([0, 0]), np.array([0, 0]), np.array([1.0]), np.zeros((1, 3)))
    forecast = Forecast(table, window_edges(table), [run])
    assert forecast.wall_s(90) is None
    assert len(forecast.plots()) == 2
