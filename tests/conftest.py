"""What tests of several parts share: the real service, started as an operator starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import free_port

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Service:
    """A running ``berth serve``: where it listens and where it keeps its state."""

    target: str
    state_dir: Path
    process: subprocess.Popen[bytes]


def start_service(folder: Path) -> Service:
    target = f"127.0.0.1:{free_port()}"
    state_dir = folder / "state"
    log = folder / "serve.log"
    with log.open("wb") as stderr:
        command = [sys.executable, "-m", "engine", "serve", "--listen", target, "--state-dir", str(state_dir)]
        process = subprocess.Popen(command, stderr=stderr, stdin=subprocess.DEVNULL, env=dict(os.environ))
    deadline = time.monotonic() + START_TIMEOUT_S
    while f"berth: SERVING on {target}" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"the service did not start (exit code {process.wait()}):\n{log.read_text()}")
        time.sleep(0.02)
    return Service(target, state_dir, process)


def stop_service(service: Service) -> None:
    service.process.send_signal(signal.SIGTERM)
    try:
        code = service.process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        service.process.kill()
        service.process.wait()
        pytest.fail(f"the service did not stop within {STOP_TIMEOUT_S} s of SIGTERM")
    assert code == 0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of the test module's own, empty at its start."""
    started = start_service(tmp_path_factory.mktemp("service"))
    yield started
    stop_service(started)


@pytest.fixture
def nowhere() -> str:
    """An address where nothing listens."""
    return f"127.0.0.1:{free_port()}"
