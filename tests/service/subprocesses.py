"""``berth serve`` as a process of its own, for tests that stop, starve or kill it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

START_S = 180.0
STOP_S = 60.0


@dataclass
class Served:
    """A service process: where it listens, its state and what it wrote."""

    target: str
    state_dir: Path
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_until_serving(self) -> None:
        deadline = time.monotonic() + START_S
        while f"berth: SERVING on {self.target}" not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)


@contextmanager
def served(
    folder: Path,
    *options: str,
    target: str = "",
    environment: Mapping[str, str] | None = None,
    largest_file: int | None = None,
    wait: bool = True,
) -> Iterator[Served]:
    """A service on ``folder``/state for the block; ``largest_file`` in bytes is where its disk ends."""
    target = target or f"127.0.0.1:{free_port()}"
    log = folder / f"serve-{time.monotonic_ns()}.log"

    def starve() -> None:
        assert largest_file is not None
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, hard))

    command = [sys.executable, "-m", "engine", "serve", "--listen", target, "--state-dir", str(folder / "state")]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={**os.environ, **(environment or {})},
            preexec_fn=starve if largest_file is not None else None,
        )
    running = Served(target, folder / "state", log, process)
    try:
        if wait:
            running.wait_until_serving()
        yield running
    finally:
        running.kill()


def whatif_processes(pid: int) -> list[int]:
    """The what-if processes that a process has begun and that are not over."""
    return [child for child in _children(pid) if b"engine.whatif.served.process" in _command(child)]


def _children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in threads for child in _content(file).split()]


def _command(pid: int) -> bytes:
    return _content(Path(f"/proc/{pid}/cmdline"))


def _content(file: Path) -> bytes:
    """What a file of a process says, nothing once that is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return file.read_bytes()
    return b""
