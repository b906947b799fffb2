from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.whatif.answer import BarPlot, HeatMap, LinePlot, Plot, Series
from engine.whatif.report.downsample import MOST_POINTS
from engine.whatif.report.plots import HUES, figure_of, is_empty, series_names

NASTY = "<script>alert(1)</script> & <a href='x'>"
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def checked(plot: Plot) -> dict[str, Any]:
    """A plot's figure, after plotly's own checks and a way through JSON."""
    figure = figure_of(plot)
    go.Figure(figure)
    found: dict[str, Any] = json.loads(json.dumps(figure, allow_nan=False))
    return found


def lines(*series: Series, **options: Any) -> LinePlot:
    return LinePlot("Title", "x", "y", series, **options)


def test_a_line_has_its_points_and_its_hue() -> None:
    figure = checked(lines(Series("a", [0, 1], [2, 3]), Series("b", [0, 2], [4, math.nan])))
    assert [trace["y"] for trace in figure["data"]] == [[2, 3], [4, None]]
    assert [trace["meta"] for trace in figure["data"]] == [
        {"series": 0, "hue": 0, "role": "line"},
        {"series": 1, "hue": 1, "role": "line"},
    ]
    assert figure["layout"]["meta"] == {"time_axis": True}


def test_a_band_lies_under_its_line_and_leaves_out_what_is_unknown() -> None:
    figure = checked(lines(Series("a", [0, 1, 2], [1, 2, 3], [0, math.nan, 2], [2, 5, 4])))
    band, line = figure["data"]
    assert (band["x"], band["y"]) == ([0, 2, 2, 0], [2, 4, 2, 0])
    assert line["y"] == [1, 2, 3]


def test_series_beyond_the_hues_are_told_apart_by_their_dash() -> None:
    figure = checked(lines(*(Series(f"s{index}", [0], [index]) for index in range(2 * HUES))))
    looks = {(trace["meta"]["hue"], trace["line"]["dash"]) for trace in figure["data"]}
    assert len(looks) == 2 * HUES


def test_a_long_line_is_thinned_and_keeps_its_peak() -> None:
    y = np.zeros(50_000)
    y[31_415] = 9
    figure = checked(lines(Series("a", np.arange(50_000), y)))
    assert len(figure["data"][0]["x"]) <= MOST_POINTS
    assert max(figure["data"][0]["y"]) == 9


def test_stacked_areas_keep_the_same_points() -> None:
    x = np.arange(9_000.0)
    figure = checked(lines(Series("a", x, np.sin(x)), Series("b", x, np.cos(x) ** 7), is_stacked=True))
    assert figure["data"][0]["x"] == figure["data"][1]["x"]
    assert {trace["stackgroup"] for trace in figure["data"]} == {"all"}


@pytest.mark.parametrize(("highest", "shown"), [(0.9, 1.02), (0.02, None), (1.5, 1.53)])
def test_a_share_is_shown_against_the_whole_where_it_comes_near(highest: float, shown: float | None) -> None:
    axis = checked(lines(Series("a", [0, 1], [0, highest]), is_share=True))["layout"]["yaxis"]
    assert axis["tickformat"].endswith("%")
    assert axis.get("range", [0, None])[1] == pytest.approx(shown)


@given(st.lists(st.lists(NUMBERS, max_size=8), max_size=4), st.booleans(), st.booleans())
def test_any_numbers_make_a_figure(rows: list[list[float]], is_stacked: bool, is_share: bool) -> None:
    series = [Series(str(number), range(len(row)), row, row, row) for number, row in enumerate(rows)]
    plot = lines(*series, is_stacked=is_stacked, is_share=is_share)
    if not is_empty(plot):
        checked(plot)


def test_bars_of_short_names_stand_and_of_long_names_lie() -> None:
    standing = checked(BarPlot("T", "y", ("a", "b"), ("n",), ((1, 2),)))
    lying = checked(BarPlot("T", "y", ("a", "a name of many letters"), ("n",), ((1, 2),)))
    assert standing["data"][0]["y"] == [1, 2]
    assert lying["data"][0]["x"] == [1, 2]
    assert lying["layout"]["yaxis"]["ticktext"] == ["a", "a name of many letters"]


def test_equal_labels_stay_apart() -> None:
    figure = checked(BarPlot("T", "y", ("az1", "az1"), ("n",), ((1, 2),)))
    assert figure["data"][0]["x"] == [0, 1]
    heat = checked(HeatMap("T", "x", "y", ("1 d", "1 d"), ("r", "r"), ((0.1, 0.2), (0.3, 0.4))))
    assert (heat["data"][0]["x"], heat["data"][0]["y"]) == ([0, 1], [0, 1])


def test_stacked_bars_are_measured_by_their_sum() -> None:
    figure = checked(BarPlot("T", "y", ("a",), ("n", "m"), ((0.4,), (0.5,)), is_stacked=True, is_share=True))
    assert figure["layout"]["barmode"] == "stack"
    assert figure["layout"]["yaxis"]["range"][1] == pytest.approx(1.02)


def test_a_thousand_bars_have_few_labels() -> None:
    figure = checked(BarPlot("T", "y", tuple(map(str, range(1_000))), ("n",), (tuple(range(1_000)),)))
    assert len(figure["layout"]["xaxis"]["ticktext"]) <= 30
    assert len(figure["data"][0]["y"]) == 1_000


def test_a_heat_map_leaves_unknown_cells_open_and_says_its_texts() -> None:
    figure = checked(HeatMap("T", "x", "y", ("a", "b"), ("r",), ((0.5, math.nan),), ((NASTY, "t"),)))
    (trace,) = figure["data"]
    assert trace["z"] == [[0.5, None]]
    assert "<" not in trace["text"][0][0]
    assert not trace["hoverongaps"]


@pytest.mark.parametrize(
    "plot",
    [
        LinePlot(NASTY, NASTY, NASTY, (Series(NASTY, [0], [1], [0], [2]),)),
        BarPlot(NASTY, NASTY, (NASTY, "b"), (NASTY,), ((1, 2),)),
        HeatMap(NASTY, NASTY, NASTY, (NASTY,), (NASTY,), ((0.5,),)),
    ],
)
def test_a_name_that_is_html_stays_a_name(plot: Plot) -> None:
    text = json.dumps(checked(plot))
    assert "<script" not in text
    assert "<a " not in text


@pytest.mark.parametrize(
    "plot",
    [
        lines(),
        lines(Series("a", [], [])),
        lines(Series("a", [1], [math.nan])),
        BarPlot("T", "y", (), (), ()),
        BarPlot("T", "y", (), ("n",), ((),)),
        HeatMap("T", "x", "y", (), (), ()),
        HeatMap("T", "x", "y", ("a",), ("r",), ((math.nan,),)),
    ],
)
def test_what_has_nothing_to_show_is_empty(plot: Plot) -> None:
    assert is_empty(plot)


def test_legends_list_series() -> None:
    assert series_names(lines(Series("a", [], []), Series("b", [], []))) == ("a", "b")
    assert series_names(BarPlot("T", "y", (), ("n",), ((),))) == ("n",)
    assert series_names(HeatMap("T", "x", "y", (), (), ())) == ()


def test_bars_say_their_values_with_as_many_digits_as_mean_something() -> None:
    values = (66_700, 27.38451, 0.0, math.nan, -3)
    figure = checked(BarPlot("T", "y", ("a", "b", "c", "d", "e"), ("n",), (values,)))
    assert figure["data"][0]["text"] == ["66\u202f700", "27.38", "0", "", "-3"]
    shares = checked(BarPlot("T", "y", ("a", "b"), ("n",), ((0.5, 0.00123),), is_share=True))
    assert shares["data"][0]["text"] == ["50.0%", "0.1%"]
