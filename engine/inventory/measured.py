"""MeasuredFleet: what hosts' monitors measure, a column a metric, and for each host the code of those it reports.

Values change all the time, the set of names hardly ever: so filters look at the code, and only weighers at the values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from engine.errors import InvalidRequestError
from engine.inventory.aggregates import AggregatedFleet
from engine.inventory.mutable import Rows
from engine.inventory.schema import METRIC_DTYPE, metric_column

MAX_METRIC_NAMES = 64
"""Names that all hosts together may report: each takes eight bytes a host. nova's own monitors have twelve."""


class MeasuredFleet(AggregatedFleet):
    """A mutable fleet whose hosts report metrics."""

    def check_metric_names(self, reported: Iterable[Mapping[str, int]]) -> None:
        """Raise InvalidRequestError if these metrics' names would make more than MAX_METRIC_NAMES."""
        names = {name for metrics in reported for name in metrics}
        new = sorted(name for name in names if metric_column(name) not in self.columns)
        known = len(frozenset().union(*self.metric_sets.values))
        if new and known + len(new) > MAX_METRIC_NAMES:
            raise InvalidRequestError(
                f"hosts may report {MAX_METRIC_NAMES} different metrics in all: {new[0]!r} is one too many",
                metric=new[0],
            )

    def set_metrics(self, rows: Rows, reported: Mapping[int, Mapping[str, int]]) -> None:
        """Replace the metrics of ``rows``, all distinct, by those that ``reported`` has at their indices, or none."""
        before = self.columns["metrics"][rows]
        self.write_metrics(rows, reported)
        changed = before != self.columns["metrics"][rows]
        self.touch(rows[changed], facts=True)
        self.touch(rows[~changed], facts=False)

    def write_metrics(self, rows: Rows, reported: Mapping[int, Mapping[str, int]]) -> None:
        """Do as ``set_metrics``, but leave it to the caller to mark the rows as changed."""
        codes = np.zeros(len(rows), dtype=np.int32)
        values: dict[str, tuple[list[int], list[int]]] = {}
        for index, metrics in reported.items():
            codes[index] = self.metric_sets.code(frozenset(metrics))
            for name, value in metrics.items():
                places, numbers = values.setdefault(name, ([], []))
                places.append(index)
                numbers.append(value)
        for name, (places, numbers) in values.items():
            column = metric_column(name)
            if column not in self.columns:
                self.columns[column] = np.zeros(len(self.columns["present"]), dtype=METRIC_DTYPE)
            self.own([column])[0][rows[places]] = numbers
        self.own(["metrics"])[0][rows] = codes
