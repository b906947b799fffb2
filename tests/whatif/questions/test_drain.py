"""The question whether hosts can be emptied, asked about whole scenarios."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from engine.whatif.answer import BarPlot, LinePlot
from engine.whatif.decisions import DECISION_SCHEMA
from tests.whatif.questions.worlds import SCENARIO, ask


def _text(hosts: int, many: int, drain: str = 'of = { zone = "az1" }') -> str:
    return SCENARIO.format(hosts=hosts, many=many) + (f"[drain]\n{drain}\n" if drain else "")


def test_a_zone_with_room_beside_it_can_be_emptied() -> None:
    answer = ask("drain", _text(8, 12))
    figures = answer.figures
    assert (figures["hosts"], figures["hosts_emptied"], figures["left"]) == (4, 4, 0)
    assert figures["moves"] == figures["instances"] == 6
    assert figures["moved_gib"] == 48.0
    assert answer.headline == "All 4 hosts can be emptied: 6 moves, 48 GiB of memory."
    # four hosts of 8 threads: 6 of 16 instances before, 12 after
    assert figures["utilisation_before"]["vcpu"] == pytest.approx(6 / 16)
    assert figures["utilisation_after"]["vcpu"] == pytest.approx(12 / 16)


@pytest.mark.parametrize("by", ["host", "all"])
def test_a_fleet_without_room_keeps_what_has_nowhere_to_go(by: str) -> None:
    answer = ask("drain", _text(4, 12, f'of = {{ zone = "az1" }}\nby = "{by}"'))
    figures = answer.figures
    assert (figures["instances"], figures["moves"], figures["left"]) == (6, 2, 4)
    assert figures["left_in_any_order"] == figures["left_if_largest_first"] == 4
    assert figures["left_by_reason"] == {"vcpu": 4}
    assert figures["by"] == by
    assert "have nowhere to go, mostly for want of vCPUs; 4 at least in any order" in answer.headline
    stuck = answer.tables[-1]
    assert stuck.title == "Instances that have nowhere to go" and len(stuck.rows) == 4


def test_decisions_say_where_instances_were_and_went() -> None:
    decisions = ask("drain", _text(4, 12)).decisions
    assert decisions.schema.names == ["from_host_id", *DECISION_SCHEMA.names]
    assert set(decisions["cause"].to_pylist()) == {"drain"}
    drained = set(decisions["from_host_id"].to_pylist())
    assert len(drained) == 2
    assert not drained & set(decisions["host_id"].to_pylist())
    assert decisions["outcome"].to_pylist().count("refused") == 4


def test_one_host_is_told_as_one() -> None:
    answer = ask("drain", _text(8, 12, 'of = { hosts = ["h-000001"] }'))
    assert answer.headline.startswith("The host can be emptied: ")
    assert answer.figures["order"] == ["h-000001"]


def test_many_hosts_are_a_line_and_few_are_bars() -> None:
    assert [type(plot) for plot in ask("drain", _text(8, 12)).plots] == [BarPlot, BarPlot]
    line, _ = ask("drain", _text(100, 12)).plots
    assert isinstance(line, LinePlot)
    assert line.series[0].y[-1] == 6.0 and len(line.series[0].x) == 51


def test_hosts_drained_already_can_be_asked_about() -> None:
    change = "[[changes]]\ndo = 'drain'\nat = '2h'\nof = { zone = 'az1' }\n"
    figures = ask("drain", _text(4, 12) + change).figures
    assert (figures["hosts"], figures["instances"], figures["moves"]) == (2, 4, 0)


def test_a_share_of_hosts_is_drawn_by_the_seed() -> None:
    orders = {
        tuple(ask("drain", f"seed = {seed}\n" + _text(30, 12, "of = { every = true, share = 0.1 }")).figures["order"])
        for seed in (1, 1, 2, 3)
    }
    assert len(orders) == 3 and all(len(order) == 3 for order in orders)


@pytest.mark.parametrize(
    ("drain", "message"),
    [
        ("", "say which hosts are to be emptied"),
        ('of = { zone = "az9" }', "there is no availability zone 'az9'"),
        ('of = { hosts = ["h-000001"], zone = "az2" }', "no host is all that it says"),
    ],
)
def test_what_cannot_be_asked_is_told(drain: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        ask("drain", _text(4, 2, drain))
