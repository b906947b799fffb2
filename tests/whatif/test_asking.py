from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import InvalidRequestError
from engine.whatif.asking import QUESTIONS, ask, question_of
from engine.whatif.sweep.local import LocalExecutor
from tests.whatif.small_scenarios import answer_bytes, inputs_of, scenario_of

SWEEP = """
[size]
max_refused_percent = 2
[sweep]
"chain.ram_weight_multiplier" = [1.0, -1.0]
"workload.mix.per_hour" = [10, 20]
"""


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_an_asker(question: str) -> None:
    assert callable(question_of(question))


@pytest.mark.parametrize(
    ("question", "advice"),
    [
        ("sizes", "did you mean 'size'"),
        ("", "ask one of replay"),
        ("../size", "there is no question"),
        ("x" * 9999, "there is no question"),
    ],
)
def test_a_question_that_there_is_not_is_refused(question: str, advice: str) -> None:
    scenario = scenario_of()
    with pytest.raises(InvalidRequestError, match=advice):
        ask(question, scenario, inputs_of(scenario))


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    scenario = scenario_of()
    with pytest.raises(InvalidRequestError, match="the seed is between 0 and"):
        ask("size", scenario, inputs_of(scenario), seed=seed)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    scenario = scenario_of("[size]\nmax_refused_percent = 1")
    inputs = inputs_of(scenario)
    own = answer_bytes(ask("size", scenario, inputs))
    assert answer_bytes(ask("size", scenario, inputs, seed=scenario.seed)) == own
    assert answer_bytes(ask("size", scenario, inputs, seed=4)) != own


def test_a_sweep_gives_the_same_bytes_on_one_worker_and_on_two() -> None:
    scenario = scenario_of(SWEEP)
    inputs = inputs_of(scenario)
    told: list[tuple[str, int, int]] = []
    one = ask("size", scenario, inputs, progress=lambda *word: told.append(word))
    with LocalExecutor(2) as executor:
        two = ask("size", scenario, inputs, executor=executor)
    assert answer_bytes(one) == answer_bytes(two)
    assert told == [("sweeping", done, 4) for done in range(5)]
    assert len(one.figures["runs"]) == 4
    assert one.decisions.column_names[:2] == ["chain.ram_weight_multiplier", "workload.mix.per_hour"]


def test_a_run_of_a_sweep_is_that_of_the_scenario_with_its_values() -> None:
    scenario = scenario_of(SWEEP)
    swept = ask("size", scenario, inputs_of(scenario))
    alone = scenario_of("[size]\nmax_refused_percent = 2\n[chain]\nram_weight_multiplier = -1.0")
    assert swept.figures["runs"][3]["figures"] == ask("size", alone, inputs_of(alone)).figures


def test_a_sweep_over_seeds_is_not_overruled_by_the_seed() -> None:
    scenario = scenario_of("[sweep]\nseed = [3, 4]\n[size]\nmax_refused_percent = 1")
    inputs = inputs_of(scenario)
    swept = ask("size", scenario, inputs, seed=77).figures["runs"]
    bare = scenario_of("[size]\nmax_refused_percent = 1")
    assert [run["figures"] for run in swept] == [ask("size", bare, inputs, seed=seed).figures for seed in (3, 4)]


def test_a_sweep_with_a_value_that_makes_no_scenario_fails_before_any_run() -> None:
    scenario = scenario_of().model_copy(update={"sweep": {"workload.mix.per_hour": (5, -1)}})
    with pytest.raises(InvalidRequestError, match=r"sweep, at workload\.mix\.per_hour = -1"):
        ask("size", scenario, inputs_of(scenario_of()), progress=lambda *word: pytest.fail("a run began"))


def test_what_a_scenario_reads_is_read_relative_to_its_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"nowhere\.parquet"):
        inputs_of(scenario_of(workload='[workload.trace]\nfile = "nowhere.parquet"'), tmp_path)


def test_what_only_another_question_reads_may_name_what_there_is_not() -> None:
    scenario = scenario_of("[drain]\nof = { zone = 'no-such-zone' }")
    inputs = inputs_of(scenario)
    assert ask("replay", scenario, inputs).figures["requests"] > 0
    with pytest.raises(InvalidRequestError, match="no-such-zone"):
        ask("drain", scenario, inputs)
