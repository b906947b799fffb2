"""The built wheel holds the package, all of it and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.sources import ENGINE, PROTO, ROOT


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the wheel with the installed hatchling, without a network, and return the names in it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stderr
    (wheel,) = folder.glob("berth-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_only_the_package_is_in_the_wheel(wheel_names: set[str]) -> None:
    outside = [
        name for name in wheel_names if not name.startswith("engine/") and ".dist-info/" not in name.split("/")[0] + "/"
    ]
    assert not outside
    assert not [name for name in wheel_names if "__pycache__" in name or name.endswith(".pyc")]


def test_all_of_the_package_is_in_the_wheel(wheel_names: set[str]) -> None:
    sources = {str(path.relative_to(ROOT)) for path in ENGINE.rglob("*.py") if "__pycache__" not in path.parts}
    assert sources <= wheel_names
    assert "engine/py.typed" in wheel_names


def test_every_proto_has_its_stub_in_the_wheel(wheel_names: set[str]) -> None:
    for proto in PROTO.glob("*.proto"):
        for ending in ("_pb2.py", "_pb2.pyi"):
            assert f"engine/v1/{proto.stem}{ending}" in wheel_names


def test_the_wheel_has_its_licence_and_command(wheel_names: set[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel_names)
    assert any(name.endswith(".dist-info/entry_points.txt") for name in wheel_names)


def test_no_folder_is_forgotten_by_the_wheel(wheel_names: set[str]) -> None:
    data = {str(path.relative_to(ROOT)) for path in ENGINE.rglob("*") if path.is_file() and is_data(path)}
    assert data <= wheel_names


def is_data(path: Path) -> bool:
    """Whether a file of the package is neither code nor left over from running it."""
    return path.suffix not in (".py", ".pyc", ".nbi", ".nbc") and "__pycache__" not in path.parts
