"""``berth demo``: the commands of a first quarter of an hour, run for real against a service of its own."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.exit_codes import ExitCode
from engine.cli.output import write_line
from engine.errors import ServiceUnavailableError

_READY = "berth: SERVING on "
_START_S = 120.0
_STOP_S = 30.0


def demo(
    hosts: Annotated[int, typer.Option("--hosts", min=100, max=1_000_000, help="How many hosts to make.")] = 10_000,
) -> None:
    """Start a service in a temporary directory, load a fleet, place, explain a refusal, audit, and stop."""
    with tempfile.TemporaryDirectory(prefix="berth-demo-") as directory, _service(Path(directory)) as target:
        fleet = str(Path(directory) / "fleet.parquet")
        request = ["--memory-mb", "8192", "--disk-gb", "40"]
        _say("A fleet, and a service that knows it")
        _run(target, ["hosts", "generate", "--count", str(hosts), "--seed", "1", "--out", fleet])
        _run(target, ["hosts", "import", fleet])
        _run(target, ["flavors", "set", "m1.large", "--vcpus", "4", *request])
        _say("Hosts for three instances, claimed and on disk before the answer came")
        _run(target, ["place", "--flavor", "m1.large", "--count", "3", "--token", "demo-1"])
        _say("The same token again: the same answer, nothing claimed twice")
        _run(target, ["place", "--flavor", "m1.large", "--count", "3", "--token", "demo-1"])
        _say("A request that fits nowhere, and why")
        _run(
            target,
            ["place", "--vcpus", "400", *request],
            ExitCode.REFUSED,
        )
        _run(target, ["explain", "--vcpus", "400", *request])
        _say("Do the ledger, the allocations in memory and the columns agree?")
        _run(target, ["audit"])
        _run(target, ["status"])
    write_line("\nThe service has stopped, and its temporary state is gone.")


@contextmanager
def _service(directory: Path) -> Iterator[str]:
    """Run ``berth serve`` on a free port and yield where it listens; end it afterwards."""
    command = [
        sys.executable,
        "-m",
        "engine",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--state-dir",
        str(directory / "state"),
    ]
    write_line(
        "$ berth serve --listen 127.0.0.1:0 --state-dir DIR    (the first start compiles the kernels: some seconds)"
    )
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603 (our own command)
    try:
        yield _wait_until_ready(process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[str]) -> str:
    """Return the address that the service names when it is ready; what else it says goes on to standard error."""
    assert process.stderr is not None
    watchdog = threading.Timer(_START_S, process.kill)
    watchdog.start()
    said = []
    try:
        for line in process.stderr:
            if line.startswith(_READY):
                threading.Thread(target=_pass_on, args=(process.stderr,), daemon=True).start()
                return line.removeprefix(_READY).strip()
            said.append(line)
    finally:
        watchdog.cancel()
    raise ServiceUnavailableError(
        f"the demonstration's service did not start: {''.join(said).strip() or 'it said nothing'}"
    )


def _pass_on(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stderr.write(line)


def _say(text: str) -> None:
    write_line(f"\n# {text}")


def _run(target: str, arguments: list[str], expected: int = 0) -> None:
    """Show a command and run it; end the demonstration where it does not end as it should."""
    write_line(f"$ berth {shlex.join(arguments)}")
    sys.stdout.flush()
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "engine", *arguments], env=os.environ | {"BERTH_TARGET": target}, check=False
    )
    if done.returncode != expected:
        write_line(f"this ended with exit code {done.returncode}, not {int(expected)}")
        raise typer.Exit(ExitCode.INTERNAL)
