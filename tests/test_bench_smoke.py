"""The benchmarks still run: the smallest of them, a few times, its answers asserted as in a full run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.house.sources import ROOT


def test_the_quick_run_of_the_kernel_benchmark_gives_figures_with_floors(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "bench/test_kernel.py",
        "--benchmark-only",
        f"--benchmark-json={results}",
    ]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if "XDIST" not in name} | {"BENCH_QUICK": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "figures and floors" in done.stdout
    figures = [
        figure for item in json.loads(results.read_text())["benchmarks"] for figure in item["extra_info"]["figures"]
    ]
    assert figures
    assert all(figure["value"] > 0 and figure["ratio"] > 0 for figure in figures)
