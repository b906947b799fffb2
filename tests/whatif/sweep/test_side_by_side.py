from __future__ import annotations

import pyarrow as pa

from engine.whatif.answer import Answer, BarPlot, LinePlot
from engine.whatif.sweep.side_by_side import side_by_side


def answer(decisions: int = 1, **figures: object) -> Answer:
    names = pa.array([f"i{number}" for number in range(decisions)], pa.string()).dictionary_encode()
    return Answer("replay", f"said {figures}", figures, pa.table({"instance": names}))


POINTS = [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]
ANSWERS = [answer(refused=4), answer(refused=3), answer(refused=2), answer(2, refused=0)]


def test_figures_keep_every_run_whole_and_in_order() -> None:
    joined = side_by_side("replay", POINTS, ANSWERS)
    assert joined.figures["sweep"] == {"a": [1, 2], "b": ["x", "y"]}
    assert [run["values"] for run in joined.figures["runs"]] == POINTS
    assert [run["figures"] for run in joined.figures["runs"]] == [dict(item.figures) for item in ANSWERS]


def test_decisions_have_the_varied_keys_in_front() -> None:
    decisions = side_by_side("replay", POINTS, ANSWERS).decisions
    assert decisions.column_names == ["a", "b", "instance"]
    assert decisions["a"].to_pylist() == [1, 1, 2, 2, 2]
    assert decisions["b"].to_pylist() == ["x", "y", "x", "y", "y"]
    assert decisions.schema.field("a").type == pa.int64()


def test_a_key_of_mixed_values_is_a_column_of_texts() -> None:
    points = [{"k": 1}, {"k": "one"}, {"k": [1, 2]}, {"k": True}]
    decisions = side_by_side("replay", points, ANSWERS).decisions
    assert decisions["k"].to_pylist() == ["1", "one", "[1, 2]", "true", "true"]


def test_keys_of_whole_and_of_broken_numbers_and_of_truths_keep_their_kind() -> None:
    for values, kind in (([1, 2.5, 3, 4], pa.float64()), ([True, False, True, False], pa.bool_())):
        joined = side_by_side("replay", [{"k": value} for value in values], ANSWERS)
        assert joined.decisions.schema.field("k").type == kind
        assert joined.decisions["k"].to_pylist()[:3] == values[:3]


def test_the_headline_says_where_the_first_figure_that_differs_is_least_and_most() -> None:
    headline = side_by_side("replay", POINTS, ANSWERS).headline
    assert headline == "4 runs over a, b: refused from 0 (at a = 2, b = y) to 4 (at a = 1, b = x)"


def test_the_headline_says_so_when_nothing_differs() -> None:
    assert side_by_side("replay", POINTS, [answer(refused=1)] * 4).headline == "4 runs over a, b: no figure differs"
    assert side_by_side("replay", POINTS[:1], [answer(refused=1)]).headline.startswith("one run, a = 1, b = x: said")


def test_a_number_is_drawn_over_the_key_of_numbers_with_a_line_for_each_other_combination() -> None:
    (plot,) = side_by_side("replay", POINTS, ANSWERS).plots
    assert isinstance(plot, LinePlot)
    assert plot.x_label == "a"
    assert [(line.name, tuple(line.x), tuple(line.y)) for line in plot.series] == [
        ("b = x", (1.0, 2.0), (4.0, 2.0)),
        ("b = y", (1.0, 2.0), (3.0, 0.0)),
    ]


def test_keys_of_texts_are_drawn_as_bars() -> None:
    (plot,) = side_by_side("replay", [{"b": "x"}, {"b": "y"}], ANSWERS[:2]).plots
    assert isinstance(plot, BarPlot)
    assert plot.labels == ("b = x", "b = y")
    assert plot.values == ((4.0, 3.0),)


def test_figures_that_are_missing_in_some_runs_are_dashes_and_those_that_are_no_numbers_stay_out() -> None:
    answers = [answer(refused=4, first_refusal_s=1.5, why="x"), answer(refused=0, first_refusal_s=None, why="y")]
    joined = side_by_side("replay", [{"a": 1}, {"a": 2}], answers)
    table = joined.tables[0]
    assert [(column.name, column.unit) for column in table.columns] == [
        ("a", ""),
        ("refused", ""),
        ("first refusal", "s"),
    ]
    assert table.rows == ((1, 4, 1.5), (2, 0, None))


def test_figures_by_flavor_are_shown_one_by_one() -> None:
    answers = [answer(hosts=9, fits={"m1.small": many, "m1.large": 2}, by_kind={"host": "x"}) for many in (5, 7)]
    joined = side_by_side("fits", [{"a": 1}, {"a": 2}], answers)
    assert joined.tables[0].rows == ((1, 5, 2, 9), (2, 7, 2, 9))
    assert [column.name for column in joined.tables[0].columns] == ["a", "fits: m1.small", "fits: m1.large", "hosts"]
    assert [plot.title for plot in joined.plots] == ["fits: m1.small"]
    assert joined.headline == "2 runs over a: fits: m1.small from 5 (at a = 1) to 7 (at a = 2)"
