from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.against.plot import COLOURS, HEIGHT, WIDTH, Axes, Level, Line, Spot, plot, spread_out
from bench.against.results import time_text

SVG = "{http://www.w3.org/2000/svg}"
AXES = Axes("A title", "hosts", "time", ((1e3, "1k"), (1e4, "10k")), time_text)
POSITIVE = st.floats(1e-9, 1e9)


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def texts(picture: str) -> list[str]:
    return [item.text or "" for item in parsed(picture).iter("text")]


@given(st.lists(st.floats(0, 400), min_size=1, max_size=12))
def test_labels_keep_their_order_and_their_distance(wanted: list[float]):
    placed = spread_out(wanted, 17.0, 0.0, 400.0)
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    sorted_places = [placed[index] for index in order]
    assert all(after - before >= 17.0 - 1e-9 for before, after in pairwise(sorted_places))
    assert min(placed) >= -1e-9
    assert max(placed) <= 400.0 + 1e-9


@given(st.lists(st.floats(0, 400), min_size=1, max_size=4, unique_by=lambda value: round(value / 20)))
def test_labels_that_do_not_meet_stay_where_they_are(wanted: list[float]):
    apart = sorted(value * 3 for value in wanted)
    if all(after - before >= 17.0 for before, after in pairwise(apart)):
        assert spread_out(apart, 17.0, 0.0, 1200.0) == pytest.approx(apart)


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=6))
def test_everything_drawn_lies_on_the_canvas(values: list[tuple[float, float]]):
    spots = tuple(Spot(x, y, y / 2, y * 2) for x, y in sorted(values))
    picture = plot(AXES, [Line("one", spots, 0)], [Level("floor", 1.0)])
    for circle in parsed(picture).iter("circle"):
        assert 0 <= float(circle.get("cx", "-1")) <= WIDTH
        assert 0 <= float(circle.get("cy", "-1")) <= HEIGHT


def test_larger_values_lie_higher_and_further_right():
    spots = (Spot(1e3, 1e-3, 1e-3, 1e-3), Spot(1e4, 1e-2, 1e-2, 1e-2))
    (first, second, _) = parsed(plot(AXES, [Line("one", spots, 0)])).iter("circle")
    assert float(first.get("cx", "")) < float(second.get("cx", ""))
    assert float(first.get("cy", "")) > float(second.get("cy", ""))
    turned = Axes(AXES.title, AXES.x_label, AXES.y_label, AXES.x_ticks, AXES.y_text, reverse=True)
    (first, second, _) = parsed(plot(turned, [Line("one", spots, 0)])).iter("circle")
    assert float(first.get("cx", "")) > float(second.get("cx", ""))


def test_lines_differ_in_more_than_colour():
    spot = Spot(1e3, 1e-3, 1e-3, 1e-3)
    marks = set()
    for style in range(COLOURS):
        picture = plot(AXES, [Line("one", (spot,), style)])
        group = re.search(rf'<g class="c{style}">(.*?)</g>', picture, re.DOTALL)
        assert group is not None
        dash = re.search(r'class="line"[^>]*?(stroke-dasharray="[^"]*")?/>', group[1])
        mark = group[1].strip().splitlines()[-1]
        marks.add((dash and dash[1], re.sub(r'(cx|cy|transform)="[^"]*"', "", mark)))
    assert len(marks) == COLOURS


def test_axes_levels_and_lines_are_named_and_texts_are_escaped():
    spot = Spot(1e3, 1e-3, 1e-3, 1e-3)
    picture = plot(
        Axes("<t>", "x & y", "y", AXES.x_ticks, time_text), [Line("a < b", (spot,), 0)], [Level("f&g", 1e-2)]
    )
    assert {"x & y", "y", "a < b", "f&g", "1k", "10k", "1 ms", "10 ms"} <= set(texts(picture))
    assert parsed(picture).get("aria-label") == "<t>"


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_what_has_no_logarithm_is_refused(value: float):
    with pytest.raises(ValueError, match="no logarithm"):
        plot(AXES, [Line("one", (Spot(1e3, value, value, 1.0),), 0)])


@pytest.mark.parametrize("lines", [[], [Line("one", (), 0)]])
def test_nothing_to_draw_is_refused(lines: list[Line]):
    with pytest.raises(ValueError, match="nothing to draw"):
        plot(AXES, lines)
