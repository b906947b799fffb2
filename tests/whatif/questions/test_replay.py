"""Replay: what is refused, when and why, and how full the fleet is, from scenarios as they are written."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.whatif.answer import Answer, HeatMap, LinePlot
from engine.whatif.asking import ask
from engine.whatif.decisions import DECISION_SCHEMA
from engine.whatif.inputs import Inputs, read_inputs
from engine.whatif.scenario.reading import parse_scenario

FLAVORS = """
[[flavors]]
name = "small"
vcpus = 2
memory_mb = 4096
[[flavors]]
name = "large"
vcpus = 16
memory_mb = 32768
"""


def replayed(text: str, *, seed: int | None = None, trace: pa.Table | None = None) -> Answer:
    scenario = parse_scenario(text + FLAVORS, "scenario.toml")
    inputs = Inputs(trace=trace) if trace is not None else read_inputs(scenario, Path(), None)
    return ask("replay", scenario, inputs, seed=seed)


def fleet(line: str) -> str:
    return f'[fleet]\nsynthetic = "{line}"\n'


FILL = "[workload.fill]\nflavors = { small = 1 }\nrefusals = 3\n"
MIX = """
[workload.mix]
flavors = { small = 3, large = 1 }
per_hour = 60
duration = "2d"
lifetime = { kind = "exponential", mean = "1d" }
"""
FAILURE = '[[changes]]\ndo = "fail"\nat = "1d"\nof = { zone = "az1" }\n'
TRACE = '[workload.trace]\nfile = "t.parquet"\n'


def trace(*rows: tuple[int, float, float | None, int, int]) -> pa.Table:
    """Instances: number, start, end, vCPUs, MiB."""
    names = ("vm_id", "t_create", "t_delete", "vcpus", "memory_mb")
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def table(answer: Answer, title: str) -> list[tuple[Any, ...]]:
    (found,) = [item for item in answer.tables if item.title == title]
    assert all(len(row) == len(found.columns) for row in found.rows)
    return list(found.rows)


def test_a_fill_ends_with_its_refusals_and_tells_what_ran_out() -> None:
    answer = replayed(fleet("4 hosts of 64c 64g 1000d") + FILL)
    figures = answer.figures
    # 64 GiB are 16 of 4 GiB, while the 64 cores are overcommitted
    assert (figures["placed"], figures["refused"], figures["requests"]) == (64, 3, 67)
    assert figures["refused_by_reason"] == {"memory_mb": 3}
    assert figures["refused_by_flavor"] == {"small": 3}
    assert (figures["first_refusal_s"], figures["end_s"]) == (64.0, 66.0)
    assert figures["final_memory_share"] == 1.0
    assert figures["free_slots_at_end"] == {"small": 0}
    assert answer.headline.startswith("3 of 67 requests (4.5 %) would have been refused, the first after 1")
    assert answer.headline.endswith("for want of memory.")
    assert max(max(series.x) for plot in answer.plots if isinstance(plot, LinePlot) for series in plot.series) <= 66


def test_what_fits_is_not_refused() -> None:
    answer = replayed(fleet("200 hosts of 64c 256g 1000d") + MIX)
    assert answer.figures["refused"] == 0
    assert answer.figures["first_refusal_s"] is None
    assert answer.headline.startswith("None of ")
    assert not any("Refusals" in plot.title for plot in answer.plots)


def test_decisions_are_those_that_the_figures_count() -> None:
    answer = replayed(fleet("6 hosts of 32c 64g 1000d in 2 zones") + MIX + FAILURE)
    decisions, figures = answer.decisions, answer.figures
    assert decisions.schema == DECISION_SCHEMA
    rows = decisions.to_pylist()
    creates = [row for row in rows if row["cause"] == "create"]
    refused = [row for row in creates if row["outcome"] == "refused"]
    moves = [row for row in rows if row["cause"] == "evacuate"]
    assert (len(creates), len(refused)) == (figures["requests"], figures["refused"])
    assert figures["requests"] == figures["placed"] + figures["refused"]
    assert figures["first_refusal_s"] == refused[0]["time_s"]
    assert figures["moved"] == sum(row["outcome"] == "placed" for row in moves)
    assert figures["lost"] == sum(row["outcome"] == "refused" for row in moves)
    assert sum(figures["refused_by_flavor"].values()) == sum(figures["refused_by_reason"].values()) == len(refused)
    assert len(moves) > 0
    assert all(row["time_s"] == 86_400.0 for row in moves)
    by_flavor = {row[0]: row for row in table(answer, "Requests by flavor")}
    for name, count in figures["refused_by_flavor"].items():
        assert by_flavor[name][6] == count


def test_a_trace_of_creates_and_deletes_ends_with_what_is_left() -> None:
    rows = trace((1, 0, 10, 2, 8192), (2, 5, None, 2, 8192), (3, 7, None, 60, 8192), (4, 10, None, 2, 8192))
    answer = replayed(fleet("1 hosts of 8c 64g 1000d") + TRACE, trace=rows)
    assert (answer.figures["instances_at_end"], answer.figures["refused"]) == (2, 1)
    assert answer.figures["refused_by_reason"] == {"vcpu": 1}
    assert answer.figures["first_refusal_s"] == 7.0


def test_the_run_ends_where_it_is_told() -> None:
    rows = trace((1, 0, None, 2, 8192), (2, 5, None, 2, 8192), (3, 50, None, 2, 8192))
    answer = replayed(fleet("1 hosts of 8c 64g 1000d") + TRACE + '[replay]\nuntil = "20s"\n', trace=rows)
    assert (answer.figures["requests"], answer.figures["end_s"]) == (2, 20.0)


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_a_run_is_measured_so_many_times(samples: int) -> None:
    answer = replayed(fleet("4 hosts of 64c 64g 1000d") + MIX + f"[replay]\nsamples = {samples}\n")
    use = next(plot for plot in answer.plots if plot.title == "Use of each resource")
    assert isinstance(use, LinePlot)
    assert {len(series.x) for series in use.series} == {samples}
    assert use.series[0].x[-1] == answer.figures["end_s"]


def test_decisions_are_left_out_where_nobody_wants_them() -> None:
    answer = replayed(fleet("4 hosts of 64c 64g 1000d") + FILL + "[replay]\ndecisions = false\n")
    assert answer.decisions.num_rows == 0
    assert answer.figures["requests"] == 67


def test_nothing_asked_for_is_told() -> None:
    answer = replayed(fleet("2 hosts of 8c 64g 1000d"))
    assert (
        answer.headline
        == "Nothing was asked for; at the end 0 % of the vCPUs, 0 % of the memory and 0 % of the disk are in use."
    )
    assert answer.figures["refused_percent"] == 0.0
    assert answer.decisions.num_rows == 0


def test_every_plot_can_be_drawn_and_every_answer_sent() -> None:
    answer = replayed(fleet("6 hosts of 32c 64g 1000d in 2 zones") + MIX + FAILURE)
    titles = [plot.title for plot in answer.plots]
    assert len(set(titles)) == len(titles) == 7
    for plot in answer.plots:
        if isinstance(plot, HeatMap):
            assert [len(row) for row in plot.values] == [len(plot.x)] * len(plot.y)
        elif isinstance(plot, LinePlot):
            for series in plot.series:
                assert len(series.x) == len(series.y) > 0
                assert not plot.is_share or all(0 <= value <= 1 for value in series.y)
    assert pickle.loads(pickle.dumps(answer)) == answer


def test_the_refusals_drawn_are_all_that_there_were() -> None:
    answer = replayed(fleet("6 hosts of 32c 64g 1000d in 2 zones") + MIX + FAILURE)
    drawn = next(plot for plot in answer.plots if plot.title.startswith("Refusals"))
    assert isinstance(drawn, LinePlot)
    assert sum(sum(series.y) for series in drawn.series) == answer.figures["refused"] > 0


@given(seed=st.integers(0, 2**63 - 1))
@settings(max_examples=5, deadline=None)
def test_equal_seeds_give_equal_answers(seed: int) -> None:
    text = fleet("6 hosts of 32c 64g 1000d in 2 zones") + MIX + FAILURE
    assert replayed(text, seed=seed) == replayed(text, seed=seed)


@pytest.mark.parametrize(
    "text",
    [
        fleet("4 hosts of 64c 64g 1000d") + "[workload.fill]\nflavors = { tiny = 1 }\n",
        fleet("4 hosts of 64c 64g 1000d") + '[[changes]]\ndo = "drain"\nof = { hosts = ["nobody"] }\n',
        fleet("4 hosts of 64c 64g 1000d") + '[workload.trace]\nfile = "missing.parquet"\n',
        fleet("four hosts") + FILL,
    ],
)
def test_what_is_wrong_with_a_scenario_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(EngineError):
        replayed(text)


def test_a_refusal_of_all_is_all_of_them() -> None:
    answer = replayed(fleet("2 hosts of 1c 2g 1000d cpu x1 ram x1") + FILL)
    assert answer.headline.startswith("3 of 3 requests (100 %) would have been refused, the first at once ")
    assert answer.figures["refused_percent"] == 100.0


def test_slots_and_fragments_at_the_end_are_told_by_flavor() -> None:
    answer = replayed(fleet("4 hosts of 64c 66g 1000d ram x1") + FILL)
    assert table(answer, "Free slots at the end, each flavor alone") == [("small", 0, 2, 100.0)]
    ((name, _, memory, disk),) = table(answer, "Fragmentation at the end")
    assert (name, memory, disk) == ("small", 100.0, None)
