"""The checked-in stubs are what the protocol files give, and there is one for each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.sources import IN_CI, PROTO, ROOT, STUBS


def stub_names(proto: Path) -> list[str]:
    """The files that a protocol file's stubs are; only a service has a gRPC module."""
    names = [f"{proto.stem}_pb2.py", f"{proto.stem}_pb2.pyi"]
    if any(line.startswith("service ") for line in proto.read_text().splitlines()):
        names.append(f"{proto.stem}_pb2_grpc.py")
    return names


def test_every_proto_has_its_stubs_and_no_other() -> None:
    expected = {name for proto in PROTO.glob("*.proto") for name in stub_names(proto)}
    assert {path.name for path in STUBS.iterdir() if path.is_file()} - {"__init__.py"} == expected


def test_regenerated_stubs_equal_the_checked_in_ones(tmp_path: Path) -> None:
    if not IN_CI:
        pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed: the stubs cannot be made again")
    protos = sorted(str(path) for path in PROTO.glob("*.proto"))
    made = subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{ROOT / 'proto'}",
            f"--python_out={tmp_path}",
            f"--pyi_out={tmp_path}",
            f"--grpc_python_out={tmp_path}",
            *protos,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    stale = [
        name
        for proto in PROTO.glob("*.proto")
        for name in stub_names(proto)
        if (tmp_path / "engine" / "v1" / name).read_text() != (STUBS / name).read_text()
    ]
    assert not stale, "run make proto"
