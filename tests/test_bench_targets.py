from __future__ import annotations

from typing import Any

import pytest

from bench.targets import SIZES, TARGETS, Target, headline, standing
from bench.workloads import SELECTION

RATE = Target("placed", "views", "{hosts}, 64", "rate", "/s", (300_000, 100_000, None), at_least=True)
RATIO = Target("scan", "scan", "{hosts}", "ratio", "", (2, 2, 2), at_least=False)
TIMES = Target("nova", "nova", "{hosts}", "times", "", (50_000, None, None), at_least=True)
MILLIS = Target("explain", "explain", "{hosts}", "value", "ms", (0.1, 1, 10), at_least=False)
MEMORY = Target("memory", "memory", "{hosts}", "value", "MB", (250, 350, 1000), at_least=False)


def figure(bench: str, workload: str, value: float, unit: str, **more: Any) -> dict[str, Any]:
    return {"bench": bench, "workload": workload, "value": value, "unit": unit, "floor": None, "spread": None} | more


def test_a_time_of_a_decision_counts_as_decisions_a_second():
    found = standing(RATE, "10k", [figure("views", "10k, 64", 2.5, "us", spread=(2.0, 4.0))])
    assert found is not None
    assert found.value == pytest.approx(400_000)
    assert found.spread == pytest.approx((250_000, 500_000))
    assert found.met is True


def test_a_rate_counts_as_it_is():
    found = standing(RATE, "100k", [figure("views", "100k, 64", 99_999, "/s")])
    assert found is not None
    assert found.value == 99_999
    assert found.met is False


@pytest.mark.parametrize(("value", "met"), [(10.0, True), (10.1, False)])
def test_a_ratio_is_held_against_its_aim(value: float, met: bool):
    found = standing(RATIO, "1M", [figure("scan", "1M", value, "us", floor=5.0, spread=[9.0, 12.0])])
    assert found is not None
    assert found.met is met
    assert found.spread == pytest.approx((1.8, 2.4))


def test_times_as_fast_is_the_floor_divided_by_the_value():
    found = standing(TIMES, "10k", [figure("nova", "10k", 0.02, "ms", floor=1200.0)])
    assert found is not None
    assert found.value == pytest.approx(60_000)


def test_a_value_is_brought_to_the_unit_aimed_at():
    explained = standing(MILLIS, "10k", [figure("explain", "10k", 90.0, "us")])
    taken = standing(MEMORY, "10k", [figure("memory", "10k", 238.0, "MiB")])
    assert explained is not None
    assert explained.value == pytest.approx(0.09)
    assert taken is not None
    assert taken.value == pytest.approx(249.56, abs=0.01)
    assert taken.met is True


def test_a_ratio_without_a_floor_was_not_measured():
    assert standing(RATIO, "10k", [figure("scan", "10k", 3.0, "us")]) is None


def test_the_last_figure_of_a_name_counts():
    figures = [figure("scan", "10k", 9.0, "us", floor=3.0), figure("scan", "10k", 3.0, "us", floor=3.0)]
    found = standing(RATIO, "10k", figures)
    assert found is not None
    assert found.value == 1.0


def test_the_headline_says_what_was_not_measured_and_what_is_not_met():
    rows = headline([figure("scan", "10k", 9.0, "us", floor=3.0, spread=(8.7, 9.3))], [RATIO, RATE])
    assert rows[0] == ("", "10k hosts", "100k hosts", "1M hosts")
    assert rows[1] == (
        "scan",
        "**3**<br>2.9 to 3.1<br>aim ≤ 2: **not met**",
        "not measured<br>aim ≤ 2",
        "not measured<br>aim ≤ 2",
    )
    assert rows[2][1] == "not measured<br>aim ≥ 300 000/s"
    assert rows[2][3] == ""


def test_every_target_names_figures_of_its_size_and_aims_no_lower_on_smaller_fleets():
    for target in TARGETS:
        assert "{hosts}" in target.workload
        aims = [aim for aim in target.aims if aim is not None]
        assert aims == sorted(aims, reverse=target.at_least)
        assert len(target.aims) == len(SIZES)


def test_the_selection_targets_name_workloads_that_are_run():
    names = {work.name for work in SELECTION}
    wanted = [item.workload.format(hosts="10k") for item in TARGETS if item.bench == "class views"]
    assert set(wanted) <= names
