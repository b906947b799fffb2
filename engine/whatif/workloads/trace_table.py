"""A scenario's trace as a table: the columns of the file that the scenario speaks of, under the file's own names."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from engine.errors import InvalidRequestError
from engine.whatif.scenario.workload import TraceWorkload
from engine.whatif.workloads.columns import VM_ID, Columns
from engine.whatif.workloads.templates import columns_named
from engine.whatif.workloads.trace import DELETE_NAMES, read_columns

WHEN: Final = "when"
KNOWN_COLUMNS: Final = (
    *(VM_ID, "t_create", *DELETE_NAMES, "vcpus", "memory_mb", "disk_gb", "flavor"),
    *("op", "t", "seq", "split", WHEN),
)
"""The trace's own names of its columns."""

_NAMES: Final = b"berth.columns"


def read_trace_table(path: Path, trace: TraceWorkload) -> pa.Table:
    """Return the columns that ``trace`` speaks of, as they are in the Parquet file at ``path``.

    The names of all that the file has are in the schema's metadata. Raises InvalidFileError where the file is absent or
    broken, InvalidRequestError where ``columns`` names a column that a trace does not have.
    """
    table, names = read_columns(path, tuple(_wanted(trace)))
    return table.replace_schema_metadata({_NAMES: json.dumps(names).encode()})


def columns_of(table: pa.Table, trace: TraceWorkload) -> Columns:
    """Return a table that ``read_trace_table`` gave as columns to check, the rows of its split alone where one is told.

    Raises InvalidRequestError for a name that a trace does not know, InvalidFileError where no row is of the split.
    """
    _wanted(trace)
    metadata = table.schema.metadata or {}
    names = tuple(json.loads(metadata[_NAMES])) if _NAMES in metadata else tuple(table.column_names)
    columns = Columns(trace.file, table, names, np.arange(table.num_rows), dict(trace.columns))
    return columns.of_split(trace.split) if trace.split else columns


def _wanted(trace: TraceWorkload) -> set[str]:
    """Return the file's names of all columns that may be read."""
    for name in trace.columns:
        if name not in KNOWN_COLUMNS:
            near = get_close_matches(name, KNOWN_COLUMNS, n=1)
            meant = f"is it {near[0]}?" if near else f"there are {', '.join(KNOWN_COLUMNS)}"
            raise InvalidRequestError(
                f"workload.trace.columns: a trace has no column {name}; {meant}", field="workload.trace.columns"
            )
    own = (name for name in KNOWN_COLUMNS if name != WHEN)
    wanted = {trace.columns.get(name, name) for name in own} | set(trace.columns.values())
    wanted.update(columns_named(trace.extra_specs))
    if trace.devices is not None:
        wanted.update((trace.devices.count, trace.devices.amount))
    if trace.server_groups is not None:
        wanted.update(name for name in (trace.server_groups.column, trace.server_groups.when) if name)
    return wanted
