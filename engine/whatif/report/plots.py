"""Plots as plotly figures: data and layout without a colour, which the page gives them by its theme.

A trace's ``meta`` says to the page what it is: ``role`` (line, band, area, bar, heat) and ``hue``, an index into the
theme's hues. Texts go through ``safe``: plotly reads a little HTML in whatever it shows.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.whatif.answer import BarPlot, HeatMap, LinePlot, Plot, Series
from engine.whatif.report.downsample import kept_points
from engine.whatif.wording import THIN_SPACE, number_text

Figure = dict[str, Any]

HUES: Final = 8
"""How many hues a theme has (see page.css); further series take them again with another dash."""

DASHES: Final = ("solid", "dash", "dot", "dashdot")

_MARKED_POINTS = 40
_LONG_LABEL = 14
_MANY_LABELS = 60
_SHOWN_LABELS = 30
_LABELLED_BARS = 16
_UNIFIED_SERIES = 10
_ROW_PX = 22
_LARGEST = 1e300


def figure_of(plot: Plot) -> Figure:
    """Return a plot as a plotly figure: ``data``, ``layout`` and, in ``layout.meta``, what the page needs to know."""
    if isinstance(plot, LinePlot):
        return _lines(plot)
    if isinstance(plot, BarPlot):
        return _bars(plot)
    return _heat_map(plot)


def series_names(plot: Plot) -> tuple[str, ...]:
    """Return what a plot's legend lists, in the order of the hues."""
    if isinstance(plot, LinePlot):
        return tuple(series.name for series in plot.series)
    return plot.names if isinstance(plot, BarPlot) else ()


def is_empty(plot: Plot) -> bool:
    """Whether a plot has nothing to show."""
    if isinstance(plot, LinePlot):
        return not any(np.isfinite(np.asarray(series.y, dtype=np.float64)).any() for series in plot.series)
    return not any(np.isfinite(np.asarray(row, dtype=np.float64)).any() for row in plot.values)


def safe(text: str) -> str:
    """Return a text as plotly shows it unchanged."""
    return html.escape(text, quote=False)


def _lines(plot: LinePlot) -> Figure:
    traces = []
    for number, series in enumerate(plot.series):
        traces += _series_traces(plot, series, number)
    highest = max((_highest(trace["y"]) for trace in traces), default=0.0)
    layout = _layout(highest, is_share=plot.is_share)
    layout["xaxis"] = {"title": {"text": safe(plot.x_label)}, "type": "linear", "zeroline": False}
    layout["hovermode"] = "x unified" if len(plot.series) <= _UNIFIED_SERIES else "closest"
    layout["meta"] = {"time_axis": plot.x_unit == "s"}
    return {"data": traces, "layout": layout}


def _series_traces(plot: LinePlot, series: Series, number: int) -> list[dict[str, Any]]:
    x, y = _floats(series.x), _floats(series.y)
    has_band = len(series.low) == len(x) == len(series.high) and not plot.is_stacked
    lines = [y, _floats(series.low), _floats(series.high)] if has_band else [y]
    # Stacked areas need a common x, so what one of them keeps all keep.
    kept = kept_points([_floats(other.y) for other in plot.series] if _shares_x(plot) else lines)
    shared: dict[str, Any] = {"legendgroup": str(number), "type": "scatter"}
    meta: dict[str, Any] = {"series": number, "hue": number % HUES}
    text = "%{y:.1%}" if plot.is_share else "%{y:,.6~g}"
    line: dict[str, Any] = {
        **shared,
        "name": safe(series.name),
        "x": _values(x[kept]),
        "y": _values(y[kept]),
        "mode": "lines+markers" if len(kept) <= _MARKED_POINTS and not plot.is_stacked else "lines",
        "line": {"width": 2, "dash": DASHES[number // HUES % len(DASHES)]},
        "marker": {"size": 5},
        "hovertemplate": f"{text}<extra>{safe(series.name)}</extra>",
        "meta": {**meta, "role": "area" if plot.is_stacked else "line"},
    }
    if plot.is_stacked:
        line |= {"stackgroup": "all", "stackgaps": "interpolate"}
        line["line"]["width"] = 1
        return [line]
    if not has_band:
        return [line]
    low, high = lines[1][kept], lines[2][kept]
    known = np.isfinite(low) & np.isfinite(high)
    around = np.concatenate([x[kept][known], x[kept][known][::-1]])
    edge = np.concatenate([high[known], low[known][::-1]])
    band = {
        **shared,
        "name": safe(series.name),
        "x": _values(around),
        "y": _values(edge),
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "hoverinfo": "skip",
        "meta": {**meta, "role": "band"},
    }
    return [band, line]


def _shares_x(plot: LinePlot) -> bool:
    first = plot.series[0]
    return plot.is_stacked and all(len(other.x) == len(other.y) == len(first.x) for other in plot.series)


def _bars(plot: BarPlot) -> Figure:
    lying = len(plot.labels) > 1 and max(map(len, plot.labels), default=0) > _LONG_LABEL
    lying = lying and len(plot.labels) <= _MANY_LABELS
    places = list(range(len(plot.labels)))
    bars = len(plot.labels) * (1 if plot.is_stacked else max(1, len(plot.names)))
    form = ".1%" if plot.is_share else ",.6~g"
    along, across = ("x", "y") if lying else ("y", "x")
    traces = []
    for number, (name, values) in enumerate(zip(plot.names, plot.values, strict=True)):
        trace: dict[str, Any] = {
            "type": "bar",
            "name": safe(name),
            "orientation": "h" if lying else "v",
            across: places,
            along: _values(_floats(values)),
            "customdata": [safe(label) for label in plot.labels],
            "hovertemplate": f"%{{customdata}}: %{{{along}:{form}}}<extra>{safe(name)}</extra>",
            "meta": {"series": number, "hue": number % HUES, "role": "bar"},
            "legendgroup": str(number),
        }
        if bars <= _LABELLED_BARS and not plot.is_stacked:
            texts = [_bar_text(value, is_share=plot.is_share) for value in values]
            trace |= {"text": texts, "texttemplate": "%{text}", "textposition": "outside", "cliponaxis": False}
        traces.append(trace)
    highest = _greatest_bar(plot)
    layout = _layout(highest, is_share=plot.is_share)
    if bars <= _LABELLED_BARS and not plot.is_stacked and highest > 0:
        # Room for the values that are written at the bars' ends.
        layout["yaxis"] |= {"range": [0, highest * 1.14], "rangemode": "tozero"}
    if lying:
        layout["xaxis"] = layout.pop("yaxis")
        layout["height"] = 90 + _ROW_PX * max(bars, 4)
    layout["barmode"] = "stack" if plot.is_stacked else "group"
    # Two bars as wide as a hand are no better than two of a finger's width.
    layout["bargap"] = max(0.25, 0.75 - 0.08 * bars)
    layout["hovermode"] = "closest"
    layout[f"{across}axis"] = _named_places(plot.labels, _MANY_LABELS if lying else _SHOWN_LABELS)
    if lying:
        # The first label stands at the top.
        layout["yaxis"]["autorange"] = "reversed"
    layout["meta"] = {"time_axis": False}
    return {"data": traces, "layout": layout}


def _bar_text(value: float, *, is_share: bool) -> str:
    """Return what stands at the end of a bar: all digits of a large number, four of a small one, nothing for none."""
    if not abs(value) < _LARGEST:
        return ""
    if is_share:
        return f"{value:.1%}"
    return number_text(value) if abs(value) >= 1000 else f"{value:.4g}"


def _greatest_bar(plot: BarPlot) -> float:
    if not plot.is_stacked:
        return max((_highest(_values(_floats(row))) for row in plot.values), default=0.0)
    columns = zip(*plot.values, strict=True)
    return max((sum(value for value in column if abs(value) < _LARGEST) for column in columns), default=0.0)


def _heat_map(plot: HeatMap) -> Figure:
    shown = [_values(_floats(row)) for row in plot.values]
    named = [[safe(text) for text in row] for row in plot.texts]
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": list(range(len(plot.x))),
        "y": list(range(len(plot.y))),
        "z": shown,
        "zmin": 0,
        "zmax": 1,
        "xgap": 1 if len(plot.x) <= _MANY_LABELS else 0,
        "ygap": 1 if len(plot.y) <= _MANY_LABELS else 0,
        "hoverongaps": False,
        "colorbar": {"tickformat": ".0%", "thickness": 10, "outlinewidth": 0, "len": 0.9},
        "meta": {"role": "heat"},
    }
    trace |= _pointed_at(plot, named)
    layout = _layout(1.0, is_share=False)
    layout["height"] = min(900, max(260, 120 + 14 * len(plot.y)))
    layout["xaxis"] = _named_places(plot.x, _SHOWN_LABELS // 2) | {
        "title": {"text": safe(plot.x_label)},
        "showgrid": False,
    }
    layout["yaxis"] = _named_places(plot.y, _MANY_LABELS) | {
        "title": {"text": safe(plot.y_label), "standoff": 14},
        "showgrid": False,
        "autorange": "reversed",
    }
    layout["hovermode"] = "closest"
    layout["meta"] = {"time_axis": False}
    return {"data": [trace], "layout": layout}


def _pointed_at(plot: HeatMap, named: list[list[str]]) -> dict[str, Any]:
    """Return what a cell says: its own text where it has one, otherwise its row, its column and its value."""
    if named:
        return {"text": named, "hovertemplate": "%{text}<extra></extra>"}
    where = [[f"{safe(row)}, {safe(column)}" for column in plot.x] for row in plot.y]
    return {"customdata": where, "hovertemplate": "%{customdata}: %{z:.0%}<extra></extra>"}


def _named_places(labels: Sequence[str], most: int) -> dict[str, Any]:
    """Return an axis of labels at 0, 1, 2 ..., of which at most so many are written: equal labels stay apart."""
    every = max(1, math.ceil(len(labels) / most))
    places = list(range(0, len(labels), every))
    return {
        "type": "linear",
        "tickvals": places,
        "ticktext": [safe(labels[place]) for place in places],
        "range": [-0.5, max(len(labels), 1) - 0.5],
        "zeroline": False,
        "showgrid": False,
        "automargin": True,
    }


def _layout(highest: float, *, is_share: bool) -> dict[str, Any]:
    """Return what every figure's layout has in common; ``highest`` is the greatest value along the axis of values."""
    values: dict[str, Any] = {"rangemode": "tozero", "automargin": True, "separatethousands": True, "zeroline": False}
    if is_share:
        values["tickformat"] = ".0%" if highest > 0.05 else ".1%" if highest > 0.005 else ".2%"
        if highest > 0.4:
            values["range"] = [0, max(1.0, highest) * 1.02]
    elif highest <= 0:
        # Without it an axis of nothing but zeros goes below them.
        values["range"] = [0, 1]
    return {
        "autosize": True,
        "separators": f".{THIN_SPACE}",
        "height": 320,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8, "pad": 4},
        "showlegend": False,
        "yaxis": values,
    }


def _highest(values: Sequence[float | None]) -> float:
    return max((value for value in values if value is not None), default=0.0)


def _floats(values: Sequence[float]) -> npt.NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _values(values: npt.NDArray[np.float64]) -> list[float | None]:
    """Return numbers for JSON, ten digits each, and nothing for what is no number or larger than a plot can show."""
    return [float(f"{value:.10g}") if abs(value) < _LARGEST else None for value in values.tolist()]
