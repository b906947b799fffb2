from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from engine import __version__
from engine.whatif.sweep.fingerprint import DECIDING, fingerprint

ENGINE = Path(__file__).parents[3] / "engine"
PRINT = "from engine.whatif.sweep.fingerprint import fingerprint; print(fingerprint())"


def test_it_names_the_versions_of_everything_that_decides() -> None:
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    assert fingerprint().startswith(f"Berth {__version__} (code ")
    assert fingerprint().endswith(f", {python}, numpy {np.__version__}")


def test_a_change_of_code_that_decides_is_another_fingerprint_and_one_of_other_code_is_not(tmp_path: Path) -> None:
    for package in (*DECIDING, "cli"):
        shutil.copytree(ENGINE / package, tmp_path / "engine" / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ENGINE / name, tmp_path / "engine" / name)

    def found() -> str:
        run = subprocess.run([sys.executable, "-c", PRINT], cwd=tmp_path, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    before = found()
    (tmp_path / "engine" / "cli" / "app.py").write_text("")
    assert found() == before
    path = tmp_path / "engine" / "scheduler" / "select.py"
    path.write_text(path.read_text() + "\n")
    assert found() != before
