from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, BarPlot, LinePlot, no_progress
from engine.whatif.fleets.synthetic import synthetic_fleet
from engine.whatif.inputs import Inputs
from engine.whatif.questions.compare import AS_IS, ask, decided_otherwise
from engine.whatif.scenario.model import Scenario
from engine.whatif.sweep.local import LocalExecutor
from tests.whatif.small_scenarios import answer_bytes, inputs_of, scenario_of

PACKED = '[[variants]]\nname = "packed"\nset = {"chain.ram_weight_multiplier" = -1.0}\n'
MORE = '[[variants]]\nname = "more"\nset = {"fleet.synthetic" = "24 hosts of 64c 256g 2000d in 2 zones"}\n'
SAME = '[[variants]]\nname = "same"\nset = {title = "another title"}\n'
OWN = '[[variants]]\nname = "today"\n'


def asked(scenario: Scenario, inputs: Inputs | None = None, *, seed: int = 3) -> Answer:
    inputs = inputs_of(scenario) if inputs is None else inputs
    return ask(scenario, inputs, seed=seed, progress=no_progress, executor=LocalExecutor(1))


@pytest.fixture(scope="module")
def answer() -> Answer:
    return asked(scenario_of(PACKED + MORE + SAME, fleet="16 hosts of 64c 256g 2000d in 2 zones"))


def side(answer: Answer, name: str) -> dict[str, object]:
    return next(item for item in answer.figures["sides"] if item["name"] == name)


def test_the_scenario_itself_is_the_first_side(answer: Answer) -> None:
    assert [item["name"] for item in answer.figures["sides"]] == [AS_IS, "packed", "more", "same"]
    assert side(answer, AS_IS)["set"] == {}
    assert side(answer, "packed")["set"] == {"chain.ram_weight_multiplier": -1.0}


def test_a_variant_that_sets_nothing_names_the_scenario_itself() -> None:
    sides = asked(scenario_of(SAME + OWN)).figures["sides"]
    assert [item["name"] for item in sides] == ["today", "same"]


def test_every_side_has_the_same_workload(answer: Answer) -> None:
    parts = [answer.decisions.filter(_is(answer, name)) for name in (AS_IS, "packed", "more", "same")]
    for part in parts[1:]:
        assert part["instance"].to_pylist() == parts[0]["instance"].to_pylist()
        assert part["time_s"].to_pylist() == parts[0]["time_s"].to_pylist()
        assert part["flavor"].to_pylist() == parts[0]["flavor"].to_pylist()


def _is(answer: Answer, name: str) -> pa.ChunkedArray:
    return pc.equal(answer.decisions["variant"].cast("string"), name)


def test_figures_are_those_of_the_decisions(answer: Answer) -> None:
    for name in (AS_IS, "packed", "more"):
        part, figures = answer.decisions.filter(_is(answer, name)), side(answer, name)
        outcomes = part["outcome"].to_pylist()
        assert figures["requests"] == len(outcomes)
        assert figures["refused"] == outcomes.count("refused")
        first = part["time_s"].to_pylist()[outcomes.index("refused")] if "refused" in outcomes else None
        assert figures["first_refusal_s"] == first


def test_decisions_that_differ_from_the_first_side_are_counted(answer: Answer) -> None:
    first = answer.decisions.filter(_is(answer, AS_IS))["host_id"].to_pylist()
    for name in (AS_IS, "packed", "more", "same"):
        hosts = answer.decisions.filter(_is(answer, name))["host_id"].to_pylist()
        assert side(answer, name)["decided_otherwise"] == sum(a != b for a, b in zip(first, hosts, strict=True))
    assert side(answer, "same")["decided_otherwise"] == 0
    assert side(answer, "packed")["decided_otherwise"] > 0


def test_a_variant_that_changes_nothing_has_the_same_figures(answer: Answer) -> None:
    told = ("name", "set")
    same = {key: value for key, value in side(answer, "same").items() if key not in told}
    assert same == {key: value for key, value in side(answer, AS_IS).items() if key not in told}


def test_more_hosts_refuse_less_and_packing_leaves_hosts_empty(answer: Answer) -> None:
    assert side(answer, "more")["refused"] < side(answer, AS_IS)["refused"]
    assert side(answer, "packed")["hosts_used_mean"] < side(answer, AS_IS)["hosts_used_mean"]
    assert "'more' refuses fewest" in answer.headline
    assert answer.figures["best"] == "more"
    assert answer.figures["least_refused_percent"] == side(answer, "more")["refused_percent"]


def test_every_plot_over_time_has_a_line_for_each_side(answer: Answer) -> None:
    lines = [plot for plot in answer.plots if isinstance(plot, LinePlot)]
    assert len(lines) >= 6
    for plot in lines:
        assert [series.name for series in plot.series] == [AS_IS, "packed", "more", "same"]
        assert all(len(series.x) == len(series.y) == 10 for series in plot.series)
    assert isinstance(answer.plots[0], BarPlot)
    refused = next(plot for plot in lines if plot.title == "Refused so far")
    assert refused.series[0].y[-1] == pytest.approx(side(answer, AS_IS)["refused_percent"])


def test_the_answer_is_the_same_from_two_workers() -> None:
    scenario = scenario_of(PACKED + MORE)
    inputs = inputs_of(scenario)
    with LocalExecutor(2) as executor:
        told: list[int] = []
        two = ask(scenario, inputs, seed=3, progress=lambda what, done, total: told.append(done), executor=executor)
    assert told == [0, 1, 2, 3]
    assert answer_bytes(two) == answer_bytes(asked(scenario, inputs))


def test_fleets_of_files_are_compared(tmp_path: Path) -> None:
    for name, hosts in (("old", 10), ("new", 30)):
        pq.write_table(synthetic_fleet(f"{hosts} hosts of 64c 256g 2000d"), tmp_path / f"{name}.parquet")
    scenario = scenario_of('[[variants]]\nname = "new"\nset = {"fleet.file" = "new.parquet"}\n', file="old.parquet")
    answer = asked(scenario, inputs_of(scenario, tmp_path))
    assert side(answer, "new")["refused"] < side(answer, AS_IS)["refused"]


def test_moves_and_losses_are_counted_apart_from_requests() -> None:
    fail = '[[changes]]\nat = "1d"\ndo = "fail"\nof = {zone = "az2"}\n'
    answer = asked(scenario_of(SAME + fail))
    figures = side(answer, AS_IS)
    causes = answer.decisions.filter(_is(answer, AS_IS))["cause"].to_pylist()
    assert figures["moved"] + figures["lost"] == causes.count("evacuate") > 0
    assert figures["requests"] == causes.count("create")


def test_no_decisions_are_kept_where_none_are_wanted() -> None:
    scenario = scenario_of(PACKED)
    quiet = scenario.model_copy(update={"replay": scenario.replay.model_copy(update={"decisions": False})})
    answer = asked(quiet)
    assert len(answer.decisions) == 0
    assert answer.decisions.column_names[0] == "variant"
    assert side(answer, "packed")["decided_otherwise"] > 0


def test_a_workload_of_nothing_compares_fleets_that_stay_empty() -> None:
    answer = asked(scenario_of(MORE, workload=""))
    assert side(answer, "more")["requests"] == 0
    assert answer.headline == "All 2 sides refuse 0 %, on as many hosts"


def test_instances_that_another_side_never_sees_count_as_decided_otherwise() -> None:
    scenario = scenario_of(SAME)
    first = asked(scenario).decisions.drop_columns(["variant"]).slice(0, 40)
    assert decided_otherwise(first, first.slice(0, 30)) == 10
    assert decided_otherwise(first, first.slice(0, 0)) == 40
    assert decided_otherwise(first.slice(0, 0), first) == 0
    assert decided_otherwise(first, first.take(list(range(39, -1, -1)))) == 0


@pytest.mark.parametrize(
    ("variants", "problem"),
    [
        ("", "there is nothing to compare with"),
        ('[[variants]]\nname = "as is"\nset = {seed = 1}\n', "give the variant another name"),
    ],
)
def test_variants_that_make_no_comparison_are_refused(variants: str, problem: str) -> None:
    with pytest.raises(InvalidRequestError, match=problem):
        asked(scenario_of(variants))


def test_a_variant_that_makes_no_scenario_is_named() -> None:
    scenario = scenario_of(PACKED)
    broken = scenario.variants[0].model_copy(update={"set": {"chain.no_such_option": 1}})
    with pytest.raises(InvalidRequestError, match=r"variant 'packed': .*no_such_option"):
        asked(scenario.model_copy(update={"variants": (broken,)}), inputs_of(scenario_of()))
