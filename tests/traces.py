"""Traces for tests: files with some columns changed, and lives of few distinct times with their events in order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from engine.whatif.workloads.trace import Shape, Trace

GOOD: Mapping[str, Any] = {
    "vm_id": [0, 1, 2, 3],
    "t_create": [0, 10, 20, 20],
    "t_delete": [20, None, 20, 30],
    "vcpus": [1, 2, 1, 4],
    "memory_mb": [1024, 2048, 1024, 4096],
}

SHAPES = (Shape(1, 1, 0), Shape(2, 1, 0), Shape(5, 1, 0))


def write_trace(file: Path, **changes: Any) -> Path:
    """Write a good trace with some columns changed or added, or left out where None is given."""
    columns = {name: values for name, values in {**GOOD, **changes}.items() if values is not None}
    pq.write_table(pa.table(columns), file)
    return file


@st.composite
def traces(draw):
    """Few distinct times, so that most events share one."""
    count = draw(st.integers(0, 40))
    created = np.array(draw(st.lists(st.integers(0, 6), min_size=count, max_size=count)), np.int64)
    lives = draw(st.lists(st.none() | st.integers(0, 4), min_size=count, max_size=count))
    ends = np.array([life is not None for life in lives], bool)
    deleted = created + np.array([life or 0 for life in lives], np.int64)
    codes = np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)), np.uint32)
    ranks = np.array(draw(st.permutations(range(1, count + 1))), np.int64)
    return Trace(np.arange(count), ranks, created, deleted, ends, codes, SHAPES)


def one_by_one(trace: Trace) -> list[tuple[int, bool]]:
    """The events in order, by sorting them as objects."""
    events = []
    for vm in range(len(trace)):
        rank, created = int(trace.ranks[vm]), int(trace.created[vm])
        events.append(((created, 1, rank, 0), vm, True))
        if trace.ends[vm]:
            deleted = int(trace.deleted[vm])
            events.append(((deleted, int(deleted == created), rank, 1), vm, False))
    return [(vm, create) for _, vm, create in sorted(events)]
