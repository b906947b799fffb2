from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.against.__main__ import main
from bench.against.contenders import Contest, DisagreementError, choice_of
from bench.against.growth import Point, lines_of, points_of
from bench.against.page import page, summary
from bench.against.plain import bodies_best
from bench.against.results import (
    AGAIN,
    BODIES,
    CLAIM,
    FIRST,
    NOVA,
    NUMPY,
    READ,
    Case,
    Comparison,
    Floor,
    Timing,
    from_json,
    time_text,
)
from bench.against.tables import floor_rows, ratio_lines, ratio_rows, time_rows
from bench.nova.asking import NovaRound, NovaSilentError, nova_on
from bench.nova.fleets import numa_case, plain_case
from engine.inventory.usage import flavor_amounts
from engine.scheduler.options import DEFAULT_FILTERS
from tests.differential.filter_families import ALL_FILTERS
from tests.oracle.build import build_request

NOVA_PYTHON = os.environ.get("NOVA_PYTHON", "")
CHAIN = "default filters"
RUN = Comparison(
    about={"date": "2026-01-15", "nova": "34.0.0"},
    cases=(Case(CHAIN, 1000, 990, (0.06, 0.07)), Case(CHAIN, 10_000, 9_900, (0.6, 0.7))),
    timings=(
        Timing(CHAIN, 1000, NOVA, (0.08, 0.1, 0.12)),
        Timing(CHAIN, 10_000, NOVA, (1.0, 1.0, 1.0)),
        Timing(CHAIN, 1000, FIRST, (0.002, 0.002, 0.002)),
        Timing(CHAIN, 10_000, FIRST, (0.004, 0.004, 0.004)),
        Timing(CHAIN, 1000, AGAIN, (25e-6, 20e-6, 30e-6)),
        Timing(CHAIN, 10_000, AGAIN, (20e-6, 20e-6, 20e-6)),
        Timing(CHAIN, 1000, CLAIM, (1e-6,)),
        Timing("two NUMA nodes", 1000, NOVA, (1.0,)),
        Timing("two NUMA nodes", 1000, FIRST, (0.01,)),
    ),
    floors=(Floor("one gRPC call", (3e-4, 3e-4)), Floor("one fsync", (1e-3, 3e-3))),
)
POINTS = tuple(
    Point(kind, line, x, 1e-5 * x, 0.9e-5 * x, 1.1e-5 * x)
    for kind, line, x in [
        ("classes", "10k hosts, spread", 1024.0),
        ("classes", "10k hosts, spread", 1.0),
        ("share", "10k hosts, spread, by text", 0.1),
        ("share", "10k hosts, spread, by text", 100.0),
        ("taken", "10k hosts, pack", 50.0),
        ("taken", "10k hosts, pack", 99.9),
    ]
)


def nova_round(best: tuple[tuple[int, float], ...], passing: int) -> NovaRound:
    return NovaRound(best, passing, 0.0, 0.0, 0.0)


def test_bodies_numpy_and_berth_choose_the_same_host_and_leave_the_hosts_as_they_were() -> None:
    case = plain_case(120, DEFAULT_FILTERS)
    chain, table = choice_of(case)
    request = build_request(case)
    best = bodies_best(table, chain, request, flavor_amounts(request.flavor))
    assert best.row >= 0
    assert best.survivors < 120
    contest = Contest(case, nova_round(((best.row, best.weight),), best.survivors))
    before = {name: column.copy() for name, column in contest.table.columns.items()}
    contest.round(bodies=True, numpy=True)
    assert set(contest.seconds) == {FIRST, AGAIN, CLAIM, READ, BODIES, NUMPY}
    assert all(value > 0 for values in contest.seconds.values() for value in values)
    for name in ("vcpu_used", "memory_mb_used", "free_ram_mb", "num_instances"):
        assert (contest.table.columns[name] == before[name]).all(), name


def test_more_filters_let_fewer_hosts_pass_the_bodies() -> None:
    case = plain_case(400, ALL_FILTERS)
    found = []
    for filters in (DEFAULT_FILTERS, ALL_FILTERS):
        case["config"]["filter_scheduler"]["enabled_filters"] = list(filters)
        # half of the hosts are as busy as their aggregate allows
        for host in case["hosts"][::2]:
            host["stats"]["io_workload"] = 9
        chain, table = choice_of(case)
        request = build_request(case)
        found.append(bodies_best(table, chain, request, flavor_amounts(request.flavor)).survivors)
    assert 0 < found[1] <= found[0] - 190


def test_another_choice_than_novas_ends_the_comparison() -> None:
    case = plain_case(60, DEFAULT_FILTERS)
    chain, table = choice_of(case)
    request = build_request(case)
    best = bodies_best(table, chain, request, flavor_amounts(request.flavor))
    for answer in (
        nova_round(((best.row + 1, best.weight),), best.survivors),
        nova_round(((best.row, best.weight * (1 + 1e-6)),), best.survivors),
        nova_round(((best.row, best.weight),), best.survivors + 1),
    ):
        with pytest.raises(DisagreementError):
            Contest(case, answer).round(bodies=True, numpy=True)


def test_devices_have_no_class_and_are_only_asked_of_berth() -> None:
    case = numa_case(40)
    chain, _ = choice_of(case)
    assert not chain.has_class(build_request(case))


def test_a_ratio_is_novas_time_over_the_other() -> None:
    assert RUN.ratios(CHAIN, AGAIN)[10_000] == pytest.approx((50_000, 50_000, 50_000))
    median, low, high = RUN.ratios(CHAIN, AGAIN)[1000]
    assert median == pytest.approx(4000)
    assert low == pytest.approx(0.09 / 27.5e-6)
    assert high == pytest.approx(0.11 / 22.5e-6)
    assert RUN.ratios(CHAIN, NUMPY) == {}


def test_tables_have_a_column_a_size_and_leave_out_who_was_not_asked() -> None:
    rows = time_rows(RUN, CHAIN)
    assert rows[0] == ("a decision takes", "1k hosts", "10k hosts")
    assert rows[1] == ("nova's filters and weighers", "100 ms (90 ms to 110 ms)", "1 s (1 s)")
    assert [len(row) for row in rows] == [3] * 5
    assert rows[-1][-1] == ""
    assert ratio_rows(RUN)[-1] == ("two NUMA nodes: Berth, first request of its class", "100 (100 to 100)", "")
    assert floor_rows(RUN)[2] == ("one fsync", "2 ms", "1.5 ms to 2.5 ms")
    assert any("50 000" in line for line in ratio_lines(RUN))


def test_a_run_reads_back_from_its_json() -> None:
    assert from_json(json.loads(json.dumps(RUN.as_json()))) == RUN


@pytest.mark.parametrize("content", [{}, {"about": {}, "cases": [{}], "timings": [], "floors": []}])
def test_what_is_no_run_is_refused(content: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        from_json(content)


@given(st.floats(1e-9, 1e4))
def test_a_time_keeps_two_figures(seconds: float) -> None:
    value, _, unit = time_text(seconds).partition(" ")
    size = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    assert float(value) * size == pytest.approx(seconds, rel=6e-3)


def test_the_page_needs_no_network_and_is_well_formed() -> None:
    text = page(RUN, POINTS)
    assert not re.search(r"(src|href)=|url\(|https?://|<script", text)
    body = text.partition("<body>")[2].partition("</body>")[0]
    tree = ElementTree.fromstring(body)
    assert len(tree.findall(".//svg")) == len(RUN.chains) + 1 + 3
    assert len(tree.findall(".//table")) == len(tree.findall(".//section"))
    for table in tree.findall(".//table"):
        assert len({len(row) for row in table.iter("tr")}) == 1
    assert "2026-01-15" in text


def test_growth_that_was_not_measured_is_left_out_of_the_page() -> None:
    assert "live classes" not in page(RUN)
    assert "live classes" in page(RUN, POINTS)
    assert ">1 024<" in page(RUN, POINTS)


def test_fuller_fleets_are_further_right() -> None:
    text = page(RUN, POINTS).partition("On fuller fleets")[2]
    ticks = re.findall(r'class="tick middle" x="([\d.]+)"[^>]*>([\d.]+) %', text.partition("</svg>")[0])
    places = {float(share): float(x) for x, share in ticks}
    assert places[50.0] < places[0.1]


def test_the_summary_is_of_the_largest_fleet() -> None:
    assert summary(RUN).startswith("On 10k hosts")
    assert "50 000 times" in summary(RUN)


def test_points_read_back_and_lie_in_order() -> None:
    results = {"benchmarks": [{"extra_info": {"growth": [point.as_info()]}} for point in POINTS]}
    found = points_of(json.loads(json.dumps(results | {"machine_info": {}})))
    assert found == POINTS
    assert [point.x for point in lines_of(found, "classes")["10k hosts, spread"]] == [1.0, 1024.0]
    assert points_of({"benchmarks": [{"extra_info": {}}]}) == ()
    assert points_of({}) == ()


@pytest.mark.parametrize("python", ["/nowhere/python", "false", sys.executable])
def test_an_interpreter_without_nova_is_an_error(python: str) -> None:
    with pytest.raises(NovaSilentError), nova_on(plain_case(2, DEFAULT_FILTERS), python):
        pass


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--nova", "x", "--read", "y"],
        ["--nova", "x", "--sizes", "0"],
        ["--nova", "x", "--rounds", "-1"],
        ["--nova", "x", "--chain", "none"],
        ["--nova", "x", "--chain", "two NUMA nodes", "--sizes", "50000"],
        ["--nova", "x", "--sizes", "4000000"],
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_run_that_was_kept_is_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, written = tmp_path / "kept.json", tmp_path / "new" / "page.html"
    kept.write_text(json.dumps(RUN.as_json()))
    assert main(["--read", str(kept), "--page", str(written)]) == 0
    assert "50 000" in capsys.readouterr().out
    assert written.read_text() == page(RUN)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"about": 1}', None])
def test_what_cannot_be_read_is_an_error_and_writes_nothing(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, written = tmp_path / "kept.json", tmp_path / "page.html"
    if content is not None:
        kept.write_text(content)
    assert main(["--read", str(kept), "--page", str(written)]) == 1
    assert "kept.json" in capsys.readouterr().err
    assert not written.exists()


def test_without_nova_nothing_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--nova", "/nowhere/python", "--sizes", "3", "--rounds", "1"]) == 1
    assert "/nowhere/python" in capsys.readouterr().err


@pytest.mark.skipif(not NOVA_PYTHON, reason="no interpreter with nova: set NOVA_PYTHON")
def test_the_real_nova_and_berth_agree_on_a_small_fleet(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    assert main(["--nova", NOVA_PYTHON, "--sizes", "200", "--rounds", "1", "--json", str(kept)]) == 0
    run = from_json(json.loads(kept.read_text()))
    assert {(item.chain, item.contender) for item in run.timings} >= {
        (chain, contender) for chain in run.chains for contender in (NOVA, FIRST, AGAIN)
    }
    assert all(ratio > 1 for chain in run.chains for ratio, _, _ in run.ratios(chain, AGAIN).values())
