"""Servers in processes of their own: ``berth serve`` as an operator starts it, and the floor's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, its process, and how long it took to serve."""

    target: str
    process: subprocess.Popen[bytes]
    start_s: float

    def cpu_s(self) -> float:
        """Return the CPU time that its process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self) -> float:
        """Return its resident memory in MiB."""
        return self._status_mb("VmRSS")

    def peak_mb(self) -> float:
        """Return the most that was ever resident of it, in MiB."""
        return self._status_mb("VmHWM")

    def own_mb(self) -> float:
        """Return its proportional set size in MiB: what it shares with others is divided among them."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(rollup.partition("Pss:")[2].split()[0]) / 1024

    def _status_mb(self, name: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) / 1024


def free_target() -> str:
    """Return an address of this machine where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def running(
    command: Sequence[str], target: str, folder: Path, more: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a server that says on its standard error when it is SERVING, and stop it at the end."""
    log = folder / f"{target.rpartition(':')[2]}.log"
    with log.open("wb") as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command], stderr=stderr, stdin=subprocess.DEVNULL, env={**os.environ, **(more or {})}
        )
    try:
        while b"SERVING" not in log.read_bytes():
            took = time.perf_counter() - began
            assert process.poll() is None and took < START_TIMEOUT_S, f"no server after {took:.0f} s: {log.read_text()}"
            time.sleep(0.002)
        yield Server(target, process, time.perf_counter() - began)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_TIMEOUT_S) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def as_installed(folder: Path) -> dict[str, str]:
    """Return the environment of a server whose modules are compiled before, as an installed one's are."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "pycache")}


@contextmanager
def berth(folder: Path, *, state: str = "state", more: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run ``berth serve`` on a state directory in ``folder``."""
    target = free_target()
    command = ("-m", "engine", "serve", "--listen", target, "--state-dir", str(folder / state))
    with running(command, target, folder, more) as server:
        yield server


@contextmanager
def floor(folder: Path) -> Iterator[Server]:
    """Run the server that answers the same messages and does nothing else."""
    target = free_target()
    with running(("-m", "bench.floor_server", target), target, folder) as server:
        yield server
