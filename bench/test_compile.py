"""The default chain's kernels in a fresh process, compiled and from the cache, against importing numba alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.report import Figure
from bench.workloads import QUICK

_IMPORT = "import time; began = time.perf_counter(); import numba, numpy; print(time.perf_counter() - began)"
_LOAD = """
import random, time
began = time.perf_counter()
from engine.inventory.table import HostTable
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
Selector(HostTable(), Chain.from_options(SchedulerOptions()), random.Random(0)).warm()
print(time.perf_counter() - began)
"""


def seconds_in_process(text: str, environment: Mapping[str, str]) -> float:
    """Return what a fresh interpreter prints for a text: the seconds it took."""
    done = subprocess.run(
        [sys.executable, "-c", text], env={**os.environ, **environment}, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


@pytest.mark.parametrize("kernels", ["compiled"] if QUICK else ["compiled", "from the cache"])
def test_kernels(kernels: str, benchmark: Any, show: Callable[[Figure], None], tmp_path: Path) -> None:
    floors: list[float] = []
    taken: list[float] = []
    turns = iter(range(1_000))
    if kernels == "from the cache":
        seconds_in_process(_LOAD, {"BERTH_CACHE_DIR": str(tmp_path)})

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        floors.append(seconds_in_process(_IMPORT, {}))
        cache = tmp_path if kernels == "from the cache" else tmp_path / str(next(turns))
        cache.mkdir(exist_ok=True)
        return (cache,), {}

    def load(cache: Path) -> None:
        taken.append(seconds_in_process(_LOAD, {"BERTH_CACHE_DIR": str(cache)}))
        assert len(list((cache / "berth" / "kernels").glob("berth_kernels_*.py"))) == 1

    benchmark.pedantic(load, setup=setup, rounds=5 if kernels == "from the cache" else 1)
    show(
        Figure(
            "kernels",
            kernels,
            float(np.median(taken)),
            "s",
            float(np.median(floors)),
            note="a fresh process, imports included; the floor imports numba and numpy",
        )
    )
