"""The benchmarks still run: the smallest of them, a few times, their answers asserted as in a full run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.against.growth import points_of
from tests.house.sources import ROOT


def quick_run(folder: Path, *benchmarks: str) -> tuple[str, dict[str, Any]]:
    """Return what a quick run of some benchmarks prints, and its results."""
    results = folder / "results.json"
    command = [sys.executable, "-m", "pytest", *benchmarks, "--benchmark-only", f"--benchmark-json={results}"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if "XDIST" not in name} | {"BENCH_QUICK": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    read: dict[str, Any] = json.loads(results.read_text())
    return done.stdout, read


@pytest.mark.parametrize(
    "benchmarks", [("bench/test_kernel.py",), ("bench/test_growth.py", "-k", "spread")], ids=["kernel", "growth"]
)
def test_a_quick_run_gives_figures_with_floors(benchmarks: tuple[str, ...], tmp_path: Path) -> None:
    printed, results = quick_run(tmp_path, *benchmarks)
    assert "figures and floors" in printed
    figures = [figure for item in results["benchmarks"] for figure in item["extra_info"]["figures"]]
    assert figures
    assert all(figure["value"] > 0 and figure["ratio"] > 0 for figure in figures)
    # the first figure of a benchmark is made of its rounds
    firsts = [item["extra_info"]["figures"][0] for item in results["benchmarks"]]
    assert all(first["spread"][0] <= first["value"] <= first["spread"][1] for first in firsts)
    if benchmarks[0] == "bench/test_growth.py":
        assert {point.kind for point in points_of(results)} == {"classes", "share", "taken"}
