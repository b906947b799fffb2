"""Columns that aggregates override: for each host, the least number that its aggregates set under a key, or a default.

A column plug-in asks for one by name. They are columns, where a filter called with the texts would do too, because the
filters that read them compare them with usage: a class view then keeps such a filter, a batch and a request for several
instances ask it anew before each instance, and nothing runs in Python for a request.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.inventory.fleet_facts import AnyArray
from engine.scheduler.aggregate_metadata import least_number, raw_values

if TYPE_CHECKING:
    from engine.scheduler.options import SchedulerOptions

_LEAST: Final = -(2**31)
_MOST: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class AggregateColumn:
    """A column made of aggregates' metadata: the ``key`` they have it under, and the ``default`` of other hosts.

    The default is an option of whole numbers, unless it is a column of ratios.
    """

    key: str
    default: str
    is_ratio: bool = False


AGGREGATE_COLUMNS: Final = {
    f"aggregate_{item.key}": item
    for item in (
        AggregateColumn("max_io_ops_per_host", "max_io_ops_per_host"),
        AggregateColumn("max_instances_per_host", "max_instances_per_host"),
        AggregateColumn("cpu_allocation_ratio", "vcpu_allocation_ratio", is_ratio=True),
        AggregateColumn("ram_allocation_ratio", "memory_mb_allocation_ratio", is_ratio=True),
        AggregateColumn("disk_allocation_ratio", "disk_gb_allocation_ratio", is_ratio=True),
    )
}
"""The columns by the names that plug-ins' parameters have."""


def aggregate_column(fleet: Fleet, name: str, options: SchedulerOptions) -> AnyArray:
    """Return a column of AGGREGATE_COLUMNS, int32 or float64 a row; made anew only where facts have changed."""
    column = AGGREGATE_COLUMNS[name]
    limit = None if column.is_ratio else getattr(options, column.default)
    every = slice(None)

    def make() -> AnyArray:
        return _values(fleet, column, limit, every)

    def refresh(known: AnyArray, rows: npt.NDArray[np.int64]) -> AnyArray:
        fresh = np.zeros(len(fleet.columns["membership"]), dtype=known.dtype)
        fresh[: len(known)] = known
        fresh[rows] = _values(fleet, column, limit, rows)
        if len(fresh) != len(known):
            # rows that the table has grown by are no hosts yet
            added = np.arange(len(known), len(fresh))
            fresh[added] = _values(fleet, column, limit, added)
        return fresh

    return fleet.of_facts((name, limit), make, refresh)


def _values(fleet: Fleet, column: AggregateColumn, limit: int | None, rows: slice | npt.NDArray[np.int64]) -> AnyArray:
    """Return a column's values of some rows: ratios without a ``limit``, whole numbers with it as their default."""
    memberships = fleet.columns["membership"][rows]
    codes, places = np.unique(memberships, return_inverse=True)
    by_code = [raw_values(fleet.membership_aggregates(code), column.key) for code in codes.tolist()]
    if limit is None:
        ratios = np.array([least_number(values, math.nan, float) for values in by_code], dtype=np.float64)[places]
        return np.where(np.isnan(ratios), fleet.columns[column.default][rows], ratios)
    # one beyond 32 bits is as good as the largest or least that there is
    found = [min(max(least_number(values, limit, int), _LEAST), _MOST) for values in by_code]
    return np.array(found, dtype=np.int32)[places]
