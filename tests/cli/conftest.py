"""What the tests of the command line share: running it, and a few hosts to run it on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.cli.run import run

HOSTS_CSV = """host_id,vcpus,memory_mb,disk_gb,availability_zone
alpha,16,65536,1000,zone-a
beta,16,65536,1000,zone-a
gamma,32,131072,2000,zone-b
"""


@dataclass(frozen=True)
class Answer:
    """What the command answered."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


Berth = Callable[..., Answer]


@pytest.fixture
def berth(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Berth:
    """Runs the command in this process, without a target of its own."""
    monkeypatch.delenv("BERTH_TARGET", raising=False)

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture
def at(berth: Berth, service: Any, monkeypatch: pytest.MonkeyPatch) -> Berth:
    """Runs the command against the module's service."""
    monkeypatch.setenv("BERTH_TARGET", service.target)
    return berth


@pytest.fixture
def hosts(at: Berth, tmp_path: Path) -> tuple[str, ...]:
    """The hosts alpha, beta (16 vcpus, 64 GiB each) and gamma (twice that), without allocations."""
    held = [item["consumer_uuid"] for item in at("allocations", "list", "--json").document["allocations"]]
    if held:
        assert at("release", *held).code == 0
    file = tmp_path / "hosts.csv"
    file.write_text(HOSTS_CSV)
    assert at("hosts", "import", file).code == 0
    return ("alpha", "beta", "gamma")
