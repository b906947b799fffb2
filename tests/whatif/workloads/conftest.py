"""Traces to make workloads of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.traces import write_trace


@pytest.fixture
def trace_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a good trace with some columns changed, or left out where None is given."""
    return partial(write_trace, tmp_path / "trace.parquet")
