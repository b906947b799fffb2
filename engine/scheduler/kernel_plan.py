"""What a chain's kernels need of the table, the options and the request, found by the names of plug-ins' parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import InvalidSettingError
from engine.inventory.schema import COLUMN_BY_NAME
from engine.inventory.usage import USAGE_COLUMNS, Amounts
from engine.scheduler.aggregate_columns import AGGREGATE_COLUMNS
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import Filter, Weigher


@dataclass(frozen=True, slots=True)
class KernelPlan:
    """What a chain's kernels need: its column filters and weighers in order, and what their parameters bind to.

    ``columns`` are the columns in the order of the kernels' arguments; ``options`` the options read, in the
    order of theirs; ``view_weighers`` those of the weighers that a class view scores.
    """

    filters: tuple[Filter, ...]
    weighers: tuple[Weigher, ...]
    columns: tuple[str, ...]
    options: tuple[str, ...]
    view_weighers: tuple[Weigher, ...] = ()


def is_column(name: str) -> bool:
    """True for what a kernel reads for each host: a column of the table, or one that aggregates override."""
    return name in COLUMN_BY_NAME or name in AGGREGATE_COLUMNS


def column_type(name: str) -> str:
    """Return the type of what a kernel reads for each host."""
    if name in AGGREGATE_COLUMNS:
        return "float64" if AGGREGATE_COLUMNS[name].is_ratio else "int32"
    return np.dtype(COLUMN_BY_NAME[name].dtype).name


def make_plan(filters: Sequence[Filter], weighers: Sequence[Weigher], view_weighers: Sequence[Weigher]) -> KernelPlan:
    """Return the plan for column filters and weighers; raise InvalidSettingError for a parameter that names nothing."""
    columns: list[str] = []
    options: list[str] = []
    known_options = SchedulerOptions.__slots__
    plugins: list[Filter | Weigher] = [*filters, *(item for item in weighers if item.kind == "column")]
    for plugin in plugins:
        for name in plugin.parameters:
            if is_column(name):
                target = columns
            elif name in known_options:
                target = options
            elif name in Amounts._fields:
                continue
            else:
                raise InvalidSettingError(
                    f"{plugin.name}: parameter {name!r} is no column, no option and no requested amount",
                    plugin=plugin.name,
                    parameter=name,
                )
            if name not in target:
                target.append(name)
    return KernelPlan(
        tuple(filters),
        tuple(weighers),
        tuple(dict.fromkeys([*USAGE_COLUMNS, *columns])),
        tuple(options),
        tuple(view_weighers),
    )
