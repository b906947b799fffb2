"""Traces to replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

GOOD: Mapping[str, Any] = {
    "vm_id": [0, 1, 2, 3],
    "t_create": [0, 10, 20, 20],
    "t_delete": [20, None, 20, 30],
    "vcpus": [1, 2, 1, 4],
    "memory_mb": [1024, 2048, 1024, 4096],
}


@pytest.fixture
def trace_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a good trace with some columns changed, or left out where None is given."""

    def write(**changes: Any) -> Path:
        columns = {name: values for name, values in {**GOOD, **changes}.items() if values is not None}
        file = tmp_path / "trace.parquet"
        pq.write_table(pa.table(columns), file)
        return file

    return write
