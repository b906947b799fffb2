from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import Figure, number, quartiles, report_lines, spread_text, with_rounds

ROUNDS_S = st.lists(st.floats(1e-7, 1e3), min_size=1, max_size=20)


@given(ROUNDS_S, st.integers(1, 100_000), st.sampled_from([("s", 1.0), ("ms", 1e-3), ("us", 1e-6)]))
def test_a_time_of_the_median_round_gets_the_rounds_spread(rounds_s: list[float], many: int, unit: tuple[str, float]):
    value = statistics.median(rounds_s) / many / unit[1]
    low, high = with_rounds(Figure("b", "w", value, unit[0]), rounds_s).spread or (None, None)
    expected_low, expected_high = (end / many / unit[1] for end in quartiles(rounds_s))
    assert low == pytest.approx(expected_low)
    assert high == pytest.approx(expected_high)


@given(ROUNDS_S, st.integers(1, 100_000))
def test_a_rate_lies_within_the_spread_of_its_rounds(rounds_s: list[float], many: int):
    figure = with_rounds(Figure("b", "w", many / statistics.median(rounds_s), "/s"), rounds_s)
    low, high = figure.spread or (0.0, 0.0)
    assert low <= figure.value * (1 + 1e-9)
    assert high >= figure.value * (1 - 1e-9)


@pytest.mark.parametrize(
    "figure",
    [
        Figure("b", "another time altogether", 0.7310001, "s"),
        Figure("b", "no time", 12.0, "MB"),
        Figure("b", "nothing", 0.0, "s"),
        Figure("b", "less than nothing", -1.0, "s"),
    ],
    ids=lambda figure: figure.workload,
)
def test_a_figure_that_rounds_do_not_make_keeps_no_spread(figure: Figure):
    assert with_rounds(figure, [1.0, 1.1, 1.2]).spread is None


def test_a_figure_keeps_the_spread_it_brings():
    figure = Figure("b", "w", 1.1, "s", spread=(1.0, 5.0))
    assert with_rounds(figure, [1.0, 1.1, 1.2]) is figure


def test_without_rounds_there_is_no_spread():
    assert with_rounds(Figure("b", "w", 1.1, "s"), []).spread is None


def test_the_report_has_a_line_a_figure_with_its_spread_and_ratio():
    heads, line = report_lines([Figure("scan", "10k", 36.2, "us", 12.0, spread=(35.0, 40.0), note="n")])
    assert "spread" in heads
    assert line.split("  ")[0] == "scan"
    assert "35 to 40" in line
    assert "3.02" in line


@pytest.mark.parametrize(
    ("spread", "text"),
    [(None, ""), ((1.0, 2.0), "1 to 2"), ((1.0001, 1.0002), "1"), ((999.0, 12345.0), "999 to 12 345")],
)
def test_a_spread_is_its_ends(spread: tuple[float, float] | None, text: str):
    assert spread_text(spread) == text


@given(st.floats(-1e15, 1e15))
def test_a_number_reads_back_to_three_figures(value: float):
    assert float(number(value).replace(" ", "")) == pytest.approx(value, rel=6e-3, abs=0.5 if abs(value) >= 1000 else 0)
