"""The question which failures could not be absorbed, asked about whole scenarios."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from engine.whatif.answer import BarPlot, HeatMap
from engine.whatif.decisions import DECISION_SCHEMA
from tests.whatif.questions.worlds import SCENARIO, ask


def _text(hosts: int, many: int, fail: str = "") -> str:
    text = "seed = 4\n" + SCENARIO.format(hosts=hosts, many=many)
    return text + (f"[fail]\n{fail}\n" if fail else "")


def test_a_fleet_with_room_absorbs_any_host() -> None:
    answer = ask("fail", _text(8, 12))
    figures = answer.figures
    assert figures["failures"] == figures["absorbed"] == figures["tried"] == 8
    assert figures["instances"] == 12
    assert figures["not_absorbed"] == 0 and figures["worst"] == []
    assert figures["n_plus"] >= 1
    assert answer.headline.startswith("All 8 failures would be absorbed; any ")


def test_a_full_fleet_absorbs_none() -> None:
    # each host takes four
    answer = ask("fail", _text(4, 100, 'of = ["host", "rack", "zone"]'))
    figures = answer.figures
    assert figures["refused_before"] > 0
    assert figures["not_absorbed"] == figures["failures"] == 4 + 2 + 2
    assert figures["not_absorbed_in_any_order"] == figures["not_absorbed"]
    assert figures["n_plus"] == 0
    assert [kind["kind"] for kind in figures["by_kind"]] == ["host", "rack", "zone"]
    assert figures["worst"][0]["lost"] == figures["lost_at_most"] == figures["instances"] // 2
    assert "no room" in str(answer.tables[1].rows[0][-1])


def test_decisions_name_what_failed_and_every_instance_of_few_failures() -> None:
    answer = ask("fail", _text(4, 6))
    decisions = answer.decisions
    assert decisions.schema.names == ["kind", "failed", *DECISION_SCHEMA.names]
    assert decisions.num_rows == 6
    assert set(decisions["kind"].to_pylist()) == {"host"}
    assert set(decisions["cause"].to_pylist()) == {"evacuate"}
    assert set(decisions["outcome"].to_pylist()) == {"placed"}
    assert not set(decisions["failed"].to_pylist()) & {None}
    pairs = zip(decisions["failed"].to_pylist(), decisions["host_id"].to_pylist(), strict=True)
    assert all(failed != host for failed, host in pairs)


def test_decisions_of_many_failures_are_those_that_found_no_host() -> None:
    answer = ask("fail", _text(30, 1000))
    assert set(answer.decisions["outcome"].to_pylist()) == {"refused"}
    assert answer.decisions.num_rows == sum(answer.figures["by_kind"][0]["lost_at_most"] for _ in range(30))


def test_several_together_are_all_counted_and_mostly_not_tried() -> None:
    figures = ask("fail", _text(8, 4, "together = 3")).figures
    assert [item["failures"] for item in figures["by_kind"]] == [8, 28, 56]
    assert figures["absorbed_without_trying"] > 0
    assert figures["tried"] + figures["absorbed_without_trying"] == figures["failures"] == 92
    assert figures["n_plus"] >= 3


def test_more_together_than_there_are_groups_are_as_many_as_there_are() -> None:
    figures = ask("fail", _text(4, 2, 'of = ["zone"]\ntogether = 8')).figures
    assert [item["together"] for item in figures["by_kind"]] == [1, 2]
    assert figures["by_kind"][1]["not_absorbed"] == 1
    assert figures["any_together"] == {"zone": 1}
    assert "n_plus" not in figures


def test_hosts_that_failed_before_fail_no_more() -> None:
    change = "[[changes]]\ndo = 'fail'\nat = '2h'\nof = { zone = 'az1' }\n"
    before, after = (ask("fail", _text(8, 8) + text).figures for text in ("", change))
    assert (before["failures"], after["failures"]) == (8, 4)
    assert before["instances"] == after["instances"]


def test_a_kind_asked_for_twice_is_asked_once() -> None:
    assert ask("fail", _text(4, 2, 'of = ["host", "host"]')).figures["failures"] == 4


def test_plots_show_the_worst_and_where_they_are() -> None:
    full = ask("fail", _text(30, 1000)).plots
    assert [type(plot) for plot in full] == [BarPlot, BarPlot, HeatMap]
    heat = full[2]
    assert isinstance(heat, HeatMap)
    cells = [value for row in heat.values for value in row if value == value]
    assert len(cells) == 30 and set(cells) == {1.0}
    assert sum(text != "" for row in heat.texts for text in row) == 30


def test_the_same_seed_gives_the_same_answer() -> None:
    one, other = (ask("fail", _text(6, 14, "together = 2")) for _ in range(2))
    assert one.figures == other.figures and one.headline == other.headline
    assert one.decisions.equals(other.decisions) and one.tables == other.tables


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        ('of = ["rack"]\nrack_prefix = "shelf"', "no aggregate whose name begins with 'shelf'"),
        ("together = 3\nlimit = 10", "more than fail.limit = 10: raise it"),
        ("limit = 3", "8 failures would have to be tried, more than fail.limit = 3"),
    ],
)
def test_what_cannot_be_asked_is_told(fail: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        ask("fail", _text(8, 1000, fail))


def test_a_fleet_without_instances_loses_nothing() -> None:
    text = _text(4, 1)
    figures = ask("fail", text[: text.index("[workload.mix]")]).figures
    assert figures["instances"] == figures["displaced_at_most"] == 0
    assert figures["n_plus"] == 4


@pytest.mark.parametrize("kind", ["host", "zone"])
def test_a_fleet_that_is_gone_cannot_fail(kind: str) -> None:
    gone = "[[changes]]\ndo = 'fail'\nof = { every = true }\n"
    with pytest.raises(InvalidRequestError, match=f"there are no hosts left, so no {kind} can fail"):
        ask("fail", _text(4, 3, f'of = ["{kind}"]') + gone)


def test_a_fleet_without_aggregates_has_none_to_fail() -> None:
    text = _text(4, 3, 'of = ["aggregate"]').replace(", racks of 2", "")
    with pytest.raises(InvalidRequestError, match="no host is in any, so no aggregate can fail"):
        ask("fail", text)


def test_hosts_that_could_not_be_drained_still_fail_with_what_they_hold() -> None:
    change = "[[changes]]\ndo = 'drain'\nat = '2h'\nof = { every = true }\n"
    figures = ask("fail", _text(4, 8) + change).figures
    # nothing could be moved, so that every host still holds what it held, and fails with all of it
    assert figures["hosts"] == 0 and figures["instances"] == 8
    assert figures["not_absorbed"] == figures["not_absorbed_in_any_order"] == 4
