"""The question how many more fit, asked about whole scenarios."""

from __future__ import annotations

import re

import pytest

from engine.errors import InvalidRequestError
from engine.whatif.answer import BarPlot, HeatMap
from engine.whatif.decisions import DECISION_SCHEMA
from engine.whatif.scenario.questions import FitsTable
from tests.whatif.questions.worlds import ask

FLEET = """
[fleet]
synthetic = "{fleet}"
"""
FLAVORS = """
[[flavors]]
name = "m1.small"
vcpus = 1
memory_mb = 2048
disk_gb = 10
[[flavors]]
name = "m1.huge"
vcpus = 8
memory_mb = 65536
disk_gb = 10
"""
ZONES = "12 hosts of 8c 32g 1000d cpu x1 ram x1 in 3 zones, racks of 2"


def _text(fleet: str = ZONES, more: str = "", flavors: str = FLAVORS) -> str:
    return FLEET.format(fleet=fleet) + flavors + more


def _fill(flavor: str, per_hour: int) -> str:
    return (
        f'[workload.mix]\nflavors = {{ "{flavor}" = 1.0 }}\nper_hour = {per_hour}\nprocess = "even"\nduration = "1h"\n'
    )


def test_each_flavor_alone_is_counted_by_zone() -> None:
    answer = ask("fits", _text())
    assert answer.figures["fits"] == {"m1.small": 96, "m1.huge": 0}
    small, huge = answer.figures["flavors"]
    assert small["by_zone"] == {"az1": 32, "az2": 32, "az3": 32}
    assert small["limited_by"]["vcpu"] == 12
    assert small["stranded"] == {"vcpu": 0, "memory_mb": 12 * 16_384, "disk_gb": 12 * 920}
    assert huge["limited_by"]["memory_mb"] == 12 and huge["hosts_with_room"] == 0


def test_free_totals_promise_what_does_not_fit() -> None:
    answer = ask("fits", _text())
    assert answer.figures["flavors"][1]["totals_would_say"] == 6
    assert answer.headline == (
        "96 more m1.small, or 0 more m1.huge would fit, each alone, though free totals would promise 6 m1.huge."
    )


def test_a_lost_zone_takes_nothing() -> None:
    change = "[[changes]]\ndo = 'fail'\nat = 0\nof = { zone = 'az2' }\n"
    figures = ask("fits", _text(more=change)).figures
    assert figures["hosts"] == 8
    assert figures["fits"]["m1.small"] == 64
    assert figures["flavors"][0]["by_zone"] == {"az1": 32, "az3": 32}


def test_instances_of_the_workload_take_room() -> None:
    figures = ask("fits", _text(more=_fill("m1.small", 40))).figures
    assert figures["instances"] == 40
    assert figures["fits"]["m1.small"] == 56


@pytest.mark.parametrize(
    ("fleet", "label"),
    [
        ("4 hosts of 2c 32g 1000d cpu x1 ram x1", "vcpu"),
        ("4 hosts of 64c 4g 1000d cpu x1 ram x1", "memory_mb"),
        ("4 hosts of 64c 256g 20d cpu x1 ram x1", "disk_gb"),
    ],
)
def test_what_runs_out_first_is_told(fleet: str, label: str) -> None:
    small = ask("fits", _text(fleet)).figures["flavors"][0]
    assert small["fit"] == 8
    assert {name: many for name, many in small["limited_by"].items() if many} == {label: 4}


def test_hosts_that_filters_leave_out_are_told_apart() -> None:
    flavor = FLAVORS.replace('name = "m1.small"', 'name = "m1.small"\nrequired_traits = ["CUSTOM_NONE"]')
    small = ask("fits", _text(flavors=flavor)).figures["flavors"][0]
    assert small["fit"] == 0 and small["limited_by"]["filtered"] == 12


def test_tiers_are_placed_and_told() -> None:
    answer = ask("fits", _text("2 hosts of 8c 48g 100d cpu x1 ram x1"))
    # the huge ones need 64 GiB, of which no host has more than 48
    assert answer.figures["tiered"][0]["memory_mb"] == 49_152
    assert answer.figures["tiered_instances"] == sum(tier["placed"] for tier in answer.figures["tiered"])
    assert answer.decisions.schema.names == DECISION_SCHEMA.names
    outcomes = answer.decisions["outcome"].to_pylist()
    assert outcomes.count("placed") == answer.figures["tiered_instances"]
    assert outcomes.count("refused") == len(answer.figures["tiered"])


def test_tiers_begin_and_end_where_they_are_told_to() -> None:
    figures = ask("fits", _text(more="[fits]\nstart = 'm1.small'\nleast = 'm1.small'\n")).figures
    assert [(tier["flavor"], tier["placed"]) for tier in figures["tiered"]] == [("m1.small", 96)]


def test_only_flavors_asked_for_are_counted() -> None:
    answer = ask("fits", _text(more="[fits]\nflavors = ['m1.small']\ntiered = false\n"))
    assert list(answer.figures["fits"]) == ["m1.small"]
    assert "tiered" not in answer.figures
    assert answer.decisions.num_rows == 0
    assert answer.headline == "96 more m1.small would fit."


def test_plots_show_counts_limits_tiers_and_racks() -> None:
    plots = ask("fits", _text()).plots
    assert [type(plot) for plot in plots] == [BarPlot, BarPlot, BarPlot, HeatMap]
    heat = plots[-1]
    assert isinstance(heat, HeatMap)
    assert heat.x == ("m1.small", "m1.huge")
    assert len(heat.y) == 6 and heat.values[0] == (1.0, 0.0)
    assert heat.texts[0][0] == "2 of 2 hosts take 16 more"


def test_the_same_seed_gives_the_same_answer() -> None:
    one, other = (ask("fits", _text(more=_fill("m1.small", 40))) for _ in range(2))
    assert one.figures == other.figures and one.tables == other.tables and one.decisions.equals(other.decisions)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"flavors": ("m1.smal",)}, "there is no flavor 'm1.smal'; did you mean 'm1.small'?"),
        ({"start": "zzz"}, "fits.start: there is no flavor 'zzz'; there are: m1.huge, m1.small"),
        ({"least": "zzz"}, "fits.least: there is no flavor 'zzz'"),
    ],
)
def test_flavors_that_nobody_knows_are_told(said: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=re.escape(message)):
        ask("fits", _text(), fits=FitsTable(**said))


def test_a_scenario_without_flavors_is_told_to_add_some() -> None:
    with pytest.raises(InvalidRequestError, match=re.escape("there is no flavor to ask for: add [[flavors]]")):
        ask("fits", _text(flavors=""))


def test_a_fleet_that_is_gone_takes_nothing() -> None:
    answer = ask("fits", _text(more="[[changes]]\ndo = 'fail'\nof = { every = true }\n"))
    assert answer.figures["hosts"] == 0
    assert answer.figures["fits"] == {"m1.small": 0, "m1.huge": 0}
    assert answer.figures["tiered"] == []
    assert answer.headline == "0 more m1.small, or 0 more m1.huge would fit, each alone."
