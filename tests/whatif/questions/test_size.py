from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, LinePlot, no_progress
from engine.whatif.fleets.synthetic import synthetic_fleet
from engine.whatif.inputs import Inputs
from engine.whatif.questions.fleet_sizes import sized_fleets
from engine.whatif.questions.size import ask, run_at
from engine.whatif.scenario.model import Scenario
from engine.whatif.sweep.executor import ignore_done
from engine.whatif.sweep.local import LocalExecutor
from tests.whatif.small_scenarios import MIX, answer_bytes, inputs_of, scenario_of


def asked(scenario: Scenario, inputs: Inputs | None = None, *, seed: int = 3) -> Answer:
    inputs = inputs_of(scenario) if inputs is None else inputs
    return ask(scenario, inputs, seed=seed, progress=no_progress, executor=LocalExecutor(1))


class Eager:
    """Runs tasks in this process, and has itself asked for several at a time."""

    workers = 5

    def map(
        self, function: Callable[[Any], Any], tasks: Sequence[Any], *, on_done: Callable[[int], None] = ignore_done
    ) -> list[Any]:
        return [function(task) for task in tasks]


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scenario_of("[size]\nmax_refused_percent = 2")


@pytest.fixture(scope="module")
def answer(scenario: Scenario) -> Answer:
    return asked(scenario)


def test_the_answer_is_the_smallest_of_all_sizes_that_is_enough(scenario: Scenario, answer: Answer) -> None:
    inputs = inputs_of(scenario)
    fleets = sized_fleets(scenario, inputs)
    hosts = answer.figures["hosts"]
    refused = {}
    for size in range(answer.figures["lower_bound"] - 2, hosts + 3):
        counts = run_at(fleets, inputs, 3, size)
        assert counts is not None
        refused[size] = counts.refused
    allowed = answer.figures["may_be_refused"]
    assert min(size for size, many in refused.items() if many <= allowed) == hosts
    assert answer.figures["refused"] == refused[hosts]
    assert all(
        refused[item["hosts"]] == item["refused"] for item in answer.figures["tried"] if item["hosts"] in refused
    )


def test_the_sizes_next_to_the_answer_were_tried(answer: Answer) -> None:
    hosts = answer.figures["hosts"]
    tried = {item["hosts"]: item["enough"] for item in answer.figures["tried"]}
    assert tried[hosts - 1] is False
    assert tried[hosts] is True
    assert hosts + 1 in tried
    assert answer.figures["one_fewer_refused_percent"] > answer.figures["max_refused_percent"]


def test_the_lower_bound_names_what_binds_and_is_not_above_the_answer(answer: Answer) -> None:
    figures = answer.figures
    assert 0 < figures["lower_bound"] <= figures["hosts"]
    assert figures["bound_by"] == figures["bounds"][0]["name"] == "MEMORY_MB"
    assert {item["name"] for item in figures["bounds"]} == {"VCPU", "MEMORY_MB", "DISK_GB", "small", "large"}
    assert max(item["hosts"] for item in figures["bounds"]) == figures["lower_bound"]
    assert f"fewer than {figures['lower_bound']} cannot" in answer.headline


def test_decisions_are_those_of_the_answer(answer: Answer) -> None:
    outcomes = answer.decisions["outcome"].to_pylist()
    assert outcomes.count("refused") == answer.figures["refused"]
    assert len(outcomes) == answer.figures["requests"]
    hosts = set(answer.decisions["host_id"].to_pylist()) - {None}
    assert len(hosts) <= answer.figures["hosts"]


def test_the_plot_shows_every_size_that_was_tried(answer: Answer) -> None:
    plot = answer.plots[0]
    assert isinstance(plot, LinePlot)
    assert list(plot.series[0].x) == [item["hosts"] for item in answer.figures["tried"]]


def test_the_answer_does_not_depend_on_how_many_sizes_run_at_a_time(scenario: Scenario, answer: Answer) -> None:
    several = ask(scenario, inputs_of(scenario), seed=3, progress=no_progress, executor=Eager())
    assert answer_bytes(several) == answer_bytes(answer)


def test_hosts_like_a_line_take_the_place_of_the_fleet(answer: Answer) -> None:
    figures = asked(scenario_of('[size]\nlike = "1 host of 128c 512g 4000d"\nmax_refused_percent = 2')).figures
    assert answer.figures["hosts"] / 3 < figures["hosts"] < answer.figures["hosts"] / 1.3
    assert figures["bounds"][0]["a_host"] == 512 * 1024


def test_hosts_besides_the_fleet_are_as_many_fewer() -> None:
    like = 'like = "1 host of 64c 256g 2000d in 2 zones"\nmax_refused_percent = 2'
    alone = asked(scenario_of(f"[size]\n{like}")).figures
    fleet = "8 hosts of 64c 256g 2000d in 2 zones"
    answer = asked(scenario_of(f"[size]\n{like}\nbesides_fleet = true", fleet=fleet))
    assert answer.figures["hosts"] == alone["hosts"] - 8
    assert answer.figures["lower_bound"] == alone["lower_bound"] - 8
    assert "more hosts of 64c 256g 2000d in 2 zones" in answer.headline
    assert {name[:3] for name in answer.decisions["host_id"].to_pylist() if name} == {"h-0", "new"}


def test_a_fleet_that_is_enough_needs_no_hosts_besides() -> None:
    like = '[size]\nlike = "host of 64c 256g 2000d"\nbesides_fleet = true\nmax_refused_percent = 2'
    answer = asked(scenario_of(like, fleet="60 hosts of 64c 256g 2000d"))
    assert answer.figures["hosts"] == 0
    assert answer.figures["one_fewer_refused_percent"] is None


def test_a_lost_zone_has_to_be_absorbed() -> None:
    fail = '[[changes]]\nat = "1d"\ndo = "fail"\nof = {zone = "az2"}\n'
    size = "[size]\nmax_refused_percent = 2\n"
    whole = asked(scenario_of(size)).figures
    figures = asked(scenario_of(size + fail)).figures
    assert figures["hosts"] > 1.5 * whole["hosts"]
    assert figures["lower_bound"] == whole["lower_bound"], "a bound for what all hosts have still holds"


def test_a_size_without_what_the_scenario_names_is_not_enough() -> None:
    fail = '[[changes]]\nat = "1d"\ndo = "fail"\nof = {aggregate = "rack-0002"}\n'
    scenario = scenario_of(f"[size]\nmax_refused_percent = 90\n{fail}", fleet="20 hosts of 64c 256g 2000d racks of 10")
    answer = asked(scenario)
    assert answer.figures["hosts"] == 11
    below = next(item for item in answer.figures["tried"] if item["hosts"] == 10)
    assert below == {"hosts": 10, "refused": None, "lost": None, "refused_percent": None, "enough": False}


@pytest.mark.parametrize(
    "change",
    [
        'do = "set_ratio"\nof = {every = true}\nram = 2.0',
        'do = "add_hosts"\nlike = "1 host of 64c 256g"',
        'do = "set_flavor"\nname = "large"\nmemory_mb = 1024',
        'do = "set_chain"\nchain = {max_instances_per_host = 200}',
    ],
)
def test_there_is_no_bound_where_a_change_may_make_room(change: str) -> None:
    answer = asked(scenario_of(f"[size]\nmax_refused_percent = 20\n[[changes]]\nat = '1h'\n{change}"))
    assert answer.figures["lower_bound"] is None
    assert answer.figures["hosts"] > 0
    assert "There is no lower bound" in answer.tables[0].note


def test_a_fleet_file_s_first_hosts_are_taken(tmp_path: Path) -> None:
    pq.write_table(synthetic_fleet("30 hosts of 64c 256g 2000d in 2 zones"), tmp_path / "fleet.parquet")
    scenario = scenario_of("[size]\nmax_refused_percent = 2")
    of_file = scenario_of("[size]\nmax_refused_percent = 2", file="fleet.parquet")
    answer = asked(of_file, inputs_of(of_file, tmp_path))
    assert answer.figures["hosts"] == asked(scenario).figures["hosts"]
    assert answer.headline.startswith(f"{answer.figures['hosts']} hosts take")


def test_when_the_largest_fleet_is_not_enough_the_answer_says_how_much_it_refuses() -> None:
    answer = asked(scenario_of("[size]\nmost = 5"))
    assert answer.figures["hosts"] is None
    assert answer.headline.startswith(
        "No fleet of up to 5 hosts takes the workload with at most 0 % refused: so many refuse"
    )
    assert len(answer.decisions) == answer.figures["requests"]


def test_no_decisions_are_kept_where_none_are_wanted() -> None:
    scenario = scenario_of("[size]\nmax_refused_percent = 2")
    quiet = scenario.model_copy(update={"replay": scenario.replay.model_copy(update={"decisions": False})})
    assert len(asked(quiet).decisions) == 0


def test_a_flavor_that_fits_on_no_host_is_named() -> None:
    with pytest.raises(InvalidRequestError, match=r"flavor 'large' .* fits on no such host, not even an empty one: "):
        asked(scenario_of('[size]\nlike = "1 host of 8c 32g 2000d"\nmax_refused_percent = 10'))


def test_both_flavors_that_fit_on_no_host_are_told() -> None:
    with pytest.raises(InvalidRequestError, match="and 1 other flavor neither"):
        asked(scenario_of('[size]\nlike = "1 host of 8c 2g 2000d"\nmax_refused_percent = 10'))


def test_a_flavor_that_fits_on_no_host_may_be_refused_where_so_many_may_be() -> None:
    answer = asked(scenario_of('[size]\nlike = "1 host of 8c 32g 2000d"\nmax_refused_percent = 60'))
    pairs = zip(answer.decisions["flavor"].to_pylist(), answer.decisions["outcome"].to_pylist(), strict=True)
    assert {outcome for flavor, outcome in pairs if flavor == "large"} == {"refused"}
    assert answer.figures["hosts"] > 0


@pytest.mark.parametrize(
    ("workload", "problem"),
    [
        ("[workload.fill]\nflavors = {small = 1}", "goes on until the fleet is full"),
        ("", "the workload asks for nothing"),
        (MIX.replace('duration = "2d"', "duration = 0"), "the workload asks for nothing"),
        ('[workload.trace]\nfile = "x.parquet"\nshuffle = true\npad_percent = 130', "grows with the fleet"),
    ],
)
def test_a_workload_that_no_size_can_be_found_for_is_refused(workload: str, problem: str) -> None:
    with pytest.raises(InvalidRequestError, match=problem):
        asked(scenario_of("[size]\nmax_refused_percent = 2", workload=workload), Inputs())


def test_hosts_besides_a_fleet_must_be_said() -> None:
    with pytest.raises(InvalidRequestError, match=r"say with size\.like"):
        asked(scenario_of("[size]\nbesides_fleet = true"))
