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
    """Return a column of AGGREGATE_COLUMNS, int32 or float64 a row; made anew only when facts have changed."""
    column = AGGREGATE_COLUMNS[name]
    if column.is_ratio:
        return fleet.of_facts(name, lambda: _ratios(fleet, column))
    limit: int = getattr(options, column.default)
    return fleet.of_facts((name, limit), lambda: _limits(fleet, column, limit))


def _limits(fleet: Fleet, column: AggregateColumn, limit: int) -> AnyArray:
    """Return the limits of whole numbers; one beyond 32 bits is as good as the largest or least that there is."""
    found = [least_number(values, limit, int) for values in _values_by_membership(fleet, column.key)]
    limits = np.array([min(max(value, _LEAST), _MOST) for value in found], dtype=np.int32)
    return limits[fleet.columns["membership"]]


def _ratios(fleet: Fleet, column: AggregateColumn) -> AnyArray:
    """Return the ratios: each host's own where its aggregates name none, or one that is no number."""
    found = [least_number(values, math.nan, float) for values in _values_by_membership(fleet, column.key)]
    ratios = np.array(found, dtype=np.float64)[fleet.columns["membership"]]
    return np.where(np.isnan(ratios), fleet.columns[column.default], ratios)


def _values_by_membership(fleet: Fleet, key: str) -> list[list[str]]:
    """Return the values under a key, for each membership."""
    return [raw_values(fleet.membership_aggregates(code), key) for code in range(len(fleet.memberships))]
