"""Answer: what a question gives, as data alone: figures, decisions, tables to read and plots to look at.

Questions make answers, engine.whatif.report shows them: neither knows the other. An answer can be pickled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pyarrow as pa

Cell = str | int | float | None
"""A value in a table; None is shown as a dash."""


class Progress(Protocol):
    """Is told how far a long run is: what is done, how many of its steps are, and how many there are (0: unknown)."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note of it; called at most a few times a second."""


def no_progress(what: str, done: int, total: int) -> None:
    """Take note of nothing."""


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: its heading, its unit where it has one, and how many decimals its numbers are shown with."""

    name: str
    unit: str = ""
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A table to read; ``note`` is a sentence under it. ``is_detail``: in the report, but not in the terminal."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name and points; ``low`` and ``high``, where given, are a band around it."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class LinePlot:
    """Lines over a common x. ``x_unit`` seconds are shown as times since the start; ``is_share``: y is from 0 to 1."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    x_unit: Literal["s", ""] = "s"
    is_share: bool = False
    is_stacked: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class BarPlot:
    """Bars: one group for each of ``labels``, in each group one bar a series; ``values`` is series x labels."""

    title: str
    y_label: str
    labels: tuple[str, ...]
    names: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    is_stacked: bool = False
    is_share: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Cells of a value from 0 to 1: ``values`` is rows x columns, NaN for no cell; ``texts`` say what cells are."""

    title: str
    x_label: str
    y_label: str
    x: tuple[str, ...]
    y: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    texts: tuple[tuple[str, ...], ...] = ()
    note: str = ""


Plot = LinePlot | BarPlot | HeatMap


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question.

    ``headline``: one sentence that answers it. ``figures``: JSON values for scripts, by documented names.
    ``decisions``: a table in DECISION_SCHEMA (see engine.whatif.decisions), perhaps with further columns in front.
    """

    question: str
    headline: str
    figures: Mapping[str, Any]
    decisions: pa.Table
    tables: tuple[ResultTable, ...] = ()
    plots: tuple[Plot, ...] = field(default=())
