"""A Dask cluster of real processes on 127.0.0.1, for tests: a scheduler and workers, each ended by its own pid."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_ports

ROOT = Path(__file__).parents[3]
_COMMAND = "import sys; {before}; from distributed.cli.dask_{part} import main; sys.exit(main())"


@dataclass
class Cluster:
    """Its scheduler's address and its processes; ``logs`` is where they write."""

    address: str
    logs: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add_worker(self, *, before: str = "pass") -> subprocess.Popen[bytes]:
        """Start a worker of one thread, which first runs ``before``, and wait until it has registered."""
        number = len(self.workers)
        arguments = [
            self.address,
            "--no-nanny",
            "--nthreads",
            "1",
            "--no-dashboard",
            "--memory-limit",
            "0",
            "--death-timeout",
            "20",
        ]
        arguments += ["--name", f"worker-{number}", "--local-directory", str(self.logs / f"w{number}")]
        log = self.logs / f"worker-{number}.log"
        process = _start("worker", arguments, log, before)
        self.workers.append(process)
        _wait_for(process, log, "Registered to")
        return process


def _start(part: str, arguments: list[str], log: Path, before: str = "pass") -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}
    command = [sys.executable, "-c", _COMMAND.format(before=before, part=part), *arguments]
    with log.open("wb") as file:
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file, cwd=log.parent)


def _wait_for(process: subprocess.Popen[bytes], log: Path, text: str) -> None:
    deadline = time.monotonic() + 40
    while text not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"a process of the cluster did not start:\n{log.read_text()}")
        time.sleep(0.02)


@contextmanager
def dask_cluster(folder: Path, *, workers: int) -> Iterator[Cluster]:
    """Give a cluster of so many workers, and end it."""
    (port,) = free_ports(1)
    log = folder / "scheduler.log"
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show", "--idle-timeout", "300"]
    scheduler = _start("scheduler", arguments, log)
    cluster = Cluster(f"tcp://127.0.0.1:{port}", folder)
    try:
        _wait_for(scheduler, log, "Scheduler at")
        for _ in range(workers):
            cluster.add_worker()
        yield cluster
    finally:
        for process in [*cluster.workers, scheduler]:
            process.kill()
            process.wait()
