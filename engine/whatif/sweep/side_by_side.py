"""Side by side: the answers of a sweep's runs as one answer, with the varied keys in front of everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from engine.whatif.answer import Answer, BarPlot, Cell, Column, LinePlot, Plot, ResultTable, Series
from engine.whatif.sweep.grid import Point, point_text, value_text
from engine.whatif.wording import duration_text

MAIN_FIGURES: Final[dict[str, tuple[str, ...]]] = {
    "replay": ("refused_percent", "refused", "first_refusal_s", "requests", "moved", "lost"),
    "fits": ("fits",),
    "fail": ("not_absorbed", "not_absorbed_in_any_order", "absorbed", "lost_at_most", "displaced_at_most"),
    "size": ("hosts", "lower_bound", "refused_percent"),
    "compare": ("refused_percent", "least_refused_percent", "most_refused_percent"),
    "forecast": ("wall_p50_s", "wall_p10_s", "wall_p90_s", "no_wall_percent", "refused_percent_median"),
    "drain": ("left", "left_in_any_order", "moves", "moved_gib", "hosts_emptied"),
}
"""The figures of a question that its sweep shows first, those of a table of figures together; then come others."""

_SHOWN: Final = 7
_MOST_LINES: Final = 12
_DOT: Final = "."
_SECONDS: Final = "s"
_UNITS: Final = {"_percent": "%", "_s": _SECONDS, "_gib": "GiB"}

Figures = Mapping[str, Any]


def side_by_side(question: str, points: Sequence[Point], answers: Sequence[Answer]) -> Answer:
    """Return one answer of the runs' answers, which are in the order of ``points``."""
    keys = list(points[0])
    figures = [_flat(answer.figures) for answer in answers]
    names = _numbers_in(figures)
    first = [name for main in MAIN_FIGURES.get(question, ()) for name in names if name.partition(_DOT)[0] == main]
    shown = [*first, *(name for name in names if name not in first)][:_SHOWN]
    return Answer(
        question,
        _headline(points, answers, figures, shown),
        {
            "sweep": {key: _unique([point[key] for point in points]) for key in keys},
            "runs": [
                {"values": dict(point), "headline": answer.headline, "figures": dict(answer.figures)}
                for point, answer in zip(points, answers, strict=True)
            ],
        },
        _decisions(points, answers),
        _tables(points, answers, figures, shown, names),
        tuple(_plot(points, figures, name) for name in shown if _varies(figures, name)),
    )


def _flat(figures: Figures) -> dict[str, Any]:
    """Return figures with those of a table of numbers, such as one by flavor, as ``fits.m1.large`` and so on."""
    found: dict[str, Any] = {}
    for name, value in figures.items():
        if isinstance(value, Mapping) and value and all(_is_number(item) or item is None for item in value.values()):
            found.update({f"{name}{_DOT}{key}": item for key, item in value.items()})
        else:
            found[name] = value
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers_in(figures: Sequence[Figures]) -> list[str]:
    """Return the figures that are a number in some run, and a number or missing in all of them."""
    found = []
    for name in dict.fromkeys(name for each in figures for name in each):
        values = [each.get(name) for each in figures]
        if any(map(_is_number, values)) and all(_is_number(value) or value is None for value in values):
            found.append(name)
    return found


def _unique(values: Sequence[Any]) -> list[Any]:
    """Return the values that are different as people write them, in order."""
    return list({value_text(value): value for value in values}.values())


def _varies(figures: Sequence[Figures], name: str) -> bool:
    return len({each.get(name) for each in figures}) > 1


def _words(name: str) -> tuple[str, str]:
    """Return a figure's name as people read it, and its unit; what names a flavor stays as it is."""
    figure, dot, key = name.partition(_DOT)
    suffix = next((suffix for suffix in _UNITS if figure.endswith(suffix)), "")
    words = figure.removesuffix(suffix).replace("_", " ")
    return f"{words}{': ' if dot else ''}{key}", _UNITS.get(suffix, "")


def _headline(
    points: Sequence[Point], answers: Sequence[Answer], figures: Sequence[Figures], shown: Sequence[str]
) -> str:
    """Return one sentence: how many runs there were, and between what their first figure that differs lies."""
    runs = f"{len(points)} runs over {', '.join(points[0])}" if len(points) > 1 else f"one run, {point_text(points[0])}"
    name = next((name for name in shown if _varies(figures, name)), None)
    if name is None:
        return f"{runs}: {'no figure differs' if len(points) > 1 else answers[0].headline}"
    known = [
        (value, point) for point, each in zip(points, figures, strict=True) if (value := each.get(name)) is not None
    ]
    (least, at_least), (most, at_most) = min(known, key=lambda item: item[0]), max(known, key=lambda item: item[0])
    words, unit = _words(name)
    low, high = _short(least, unit), _short(most, unit)
    if least == most:
        return f"{runs}: {words} {low} where there is one (first at {point_text(at_least)})"
    return f"{runs}: {words} from {low} (at {point_text(at_least)}) to {high} (at {point_text(at_most)})"


def _short(value: float, unit: str) -> str:
    if unit == _SECONDS:
        return duration_text(value)
    text = str(value) if isinstance(value, int) else f"{value:.4g}"
    return f"{text} {unit}" if unit else text


def _tables(
    points: Sequence[Point],
    answers: Sequence[Answer],
    figures: Sequence[Figures],
    shown: Sequence[str],
    names: Sequence[str],
) -> tuple[ResultTable, ...]:
    main = _table("The runs side by side", points, figures, shown)
    headlines = ResultTable(
        "What each run says",
        (*(Column(key) for key in points[0]), Column("answer")),
        tuple(
            (*(_cell(value) for value in point.values()), answer.headline)
            for point, answer in zip(points, answers, strict=True)
        ),
        is_detail=True,
    )
    if len(names) == len(shown):
        return main, headlines
    return main, headlines, _table("Every figure of the runs", points, figures, names, is_detail=True)


def _table(
    title: str, points: Sequence[Point], figures: Sequence[Figures], names: Sequence[str], *, is_detail: bool = False
) -> ResultTable:
    columns = [Column(key, decimals=_decimals([point[key] for point in points])) for key in points[0]]
    columns += [Column(*_words(name), decimals=_decimals([each.get(name) for each in figures])) for name in names]
    rows = tuple(
        (*(_cell(value) for value in point.values()), *(each.get(name) for name in names))
        for point, each in zip(points, figures, strict=True)
    )
    return ResultTable(title, tuple(columns), rows, is_detail=is_detail)


def _decimals(values: Sequence[Any]) -> int:
    """Return how many decimals a column of these values needs: two where one is no whole number."""
    return 2 if any(isinstance(value, float) and not value.is_integer() for value in values) else 0


def _cell(value: Any) -> Cell:
    return value if _is_number(value) else value_text(value)


def _plot(points: Sequence[Point], figures: Sequence[Figures], name: str) -> Plot:
    """Return a figure over the key that takes most numbers, a line for each combination of the others, else bars."""
    title, unit = _words(name)
    label = unit or title
    values = [each.get(name) for each in figures]
    numeric = [
        key for key in points[0] if len(_unique([point[key] for point in points])) > 1 and _takes_numbers(points, key)
    ]
    over = max(numeric, key=lambda key: len(_unique([point[key] for point in points])), default=None)
    lines: dict[str, list[tuple[float, float]]] = {}
    if over is not None:
        for point, value in zip(points, values, strict=True):
            if value is not None:
                rest = point_text({key: other for key, other in point.items() if key != over})
                lines.setdefault(rest or title, []).append((float(point[over]), float(value)))
    if over is None or len(lines) > _MOST_LINES:
        labels = tuple(point_text(point) for point in points)
        bars = tuple(float("nan") if value is None else float(value) for value in values)
        return BarPlot(title, label, labels, (title,), (bars,))
    series = []
    for line, found in lines.items():
        x, y = zip(*sorted(found), strict=True)
        series.append(Series(line, x, y))
    return LinePlot(title, over, label, tuple(series), x_unit="")


def _takes_numbers(points: Sequence[Point], key: str) -> bool:
    return all(_is_number(point[key]) for point in points)


def _decisions(points: Sequence[Point], answers: Sequence[Answer]) -> pa.Table:
    """Return the decisions of all runs, one after the other, with the varied keys as columns in front."""
    tables = [answer.decisions for answer in answers]
    for key in reversed(list(points[0])):
        column = _key_column([point[key] for point in points], [table.num_rows for table in tables])
        tables = [table.add_column(0, key, part) for table, part in zip(tables, column, strict=True)]
    return pa.concat_tables(tables, promote_options="default").unify_dictionaries()


def _key_column(values: Sequence[Any], lengths: Sequence[int]) -> list[pa.Array]:
    """Return each run's part of the column of a key: numbers and truths as such, all else as texts."""
    for kinds, kind in ((bool, pa.bool_()), (int, pa.int64()), (int | float, pa.float64())):
        same = [isinstance(value, kinds) and (kinds is bool or not isinstance(value, bool)) for value in values]
        if all(same):
            return [pa.repeat(pa.scalar(value, kind), many) for value, many in zip(values, lengths, strict=True)]
    texts = _unique([value_text(value) for value in values])
    dictionary = pa.array(texts, pa.string())
    return [
        pa.DictionaryArray.from_arrays(np.full(many, texts.index(value_text(value)), dtype=np.int32), dictionary)
        for value, many in zip(values, lengths, strict=True)
    ]
