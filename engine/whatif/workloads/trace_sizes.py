"""The sizes of a trace's instances, scaled as the scenario says and rounded up to whole units."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.errors import InvalidRequestError
from engine.model.limits import MAX_AMOUNT, MAX_DISK_GB, MAX_MEMORY_MB, MAX_VCPUS
from engine.whatif.scenario.workload import TraceWorkload
from engine.whatif.workloads.columns import Columns

SIZES: Final = {"vcpus": MAX_VCPUS, "memory_mb": MAX_MEMORY_MB, "disk_gb": MAX_DISK_GB}
"""The columns of sizes and the most of each."""

_SLACK: Final = 8
"""How many of the smallest differences of its number type a product may lie above a whole number that it is."""

Numbers = NDArray[np.int64]


def check_scale(trace: TraceWorkload) -> None:
    """Raise InvalidRequestError where ``scale`` names no column of sizes or devices."""
    known = list(SIZES)
    if trace.devices is not None:
        known += [trace.devices.count, trace.devices.amount]
    for name in trace.scale:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"is it {near[0]}?" if near else f"it scales {', '.join(known)}"
            raise InvalidRequestError(
                f"workload.trace.scale: {name} is no column to scale; {meant}", field="workload.trace.scale"
            )


def has_sizes(columns: Columns) -> bool:
    """Return whether the file has a column of vCPUs and one of memory."""
    return all(columns.called.get(name, name) in columns.names for name in ("vcpus", "memory_mb"))


def sizes_of(columns: Columns, scale: Mapping[str, float]) -> tuple[Numbers, Numbers, Numbers]:
    """Return vCPUs, memory_mb and disk_gb of each row; no row asks for nothing.

    Raises InvalidFileError that names the column and the row.
    """
    vcpus, memory_mb = (
        scaled_up(columns, columns.name_of((name,)), scale.get(name, 1.0), most)
        for name, most in SIZES.items()
        if name != "disk_gb"
    )
    disk_gb = np.zeros_like(vcpus)
    if columns.has_optional("disk_gb"):
        name = columns.name_of(("disk_gb",))
        disk_gb = scaled_up(columns, name, scale.get("disk_gb", 1.0), MAX_DISK_GB)
    nothing = np.flatnonzero((vcpus == 0) & (memory_mb == 0) & (disk_gb == 0))
    if len(nothing):
        raise columns.fault(
            "asks for nothing: give it vcpus, memory_mb or disk_gb, or set skip_incomplete = true", row=int(nothing[0])
        )
    return vcpus, memory_mb, disk_gb


def scaled_up(columns: Columns, name: str, factor: float, most: int = MAX_AMOUNT, *, nullable: bool = False) -> Numbers:
    """Return a column's values times ``factor``, rounded up, in [0, most]; ``nullable``: a null counts as 0.

    A product that is a whole number but for the precision of the column's own type is not rounded up beyond it.
    """
    values = columns.numbers(name, nullable=nullable)
    kind = columns.table[name].type
    step = np.finfo(np.float32 if pa.types.is_float32(kind) else np.float64).eps
    scaled = np.nan_to_num(values.astype(np.float64, copy=False), nan=0.0) * factor
    columns.within(name, scaled, 0, most)
    return np.ceil(scaled * (1 - _SLACK * step)).astype(np.int64)


def is_complete(columns: Columns, scale: Mapping[str, float], *, flavor: str) -> NDArray[np.bool_]:
    """Return which rows have all that an instance needs: their flavor, where a column says it, otherwise sizes.

    Those whose sizes are all 0 ask for nothing and are not complete.
    """
    if flavor:
        return np.asarray(columns.table[flavor].is_valid().to_numpy(), dtype=np.bool_)
    complete, asks = np.ones(len(columns), dtype=np.bool_), np.zeros(len(columns), dtype=np.bool_)
    for name in SIZES:
        if name == "disk_gb" and not columns.has_optional(name):
            continue
        values = columns.numbers(columns.name_of((name,)), nullable=True)
        complete &= ~np.isnan(values)
        asks |= values * scale.get(name, 1.0) > 0
    return complete & asks
