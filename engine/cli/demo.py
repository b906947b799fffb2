"""``berth demo``: the commands of a first quarter of an hour, run for real against a service of its own."""

from __future__ import annotations

import importlib.util
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
_UP = "berth: UP "
_START_S = 180.0
_STOP_S = 60.0


def demo(
    hosts: Annotated[int, typer.Option("--hosts", min=100, max=1_000_000, help="How many hosts to place on.")] = 10_000,
    cloud_hosts: Annotated[
        int, typer.Option("--cloud-hosts", min=2, max=10_000, help="How many simulated hosts the cloud runs.")
    ] = 20,
) -> None:
    """Place on a large fleet over gRPC, then bring a whole cloud up and boot an instance in 28 steps; stop both."""
    with tempfile.TemporaryDirectory(prefix="berth-demo-") as directory:
        with _service(Path(directory)) as target:
            _place(target, Path(directory), hosts)
        with _cloud(Path(directory) / "cloud", cloud_hosts) as clouds:
            _boot(clouds)
    write_line("\nEverything has stopped, and its temporary state is gone.")


def _place(target: str, directory: Path, hosts: int) -> None:
    """Show the scheduler alone."""
    at = {"BERTH_TARGET": target}
    fleet = str(directory / "fleet.parquet")
    request = ["--memory-mb", "8192", "--disk-gb", "40"]
    _say("A fleet, and a service that knows it")
    _run(at, ["hosts", "generate", "--count", str(hosts), "--seed", "1", "--out", fleet])
    _run(at, ["hosts", "import", fleet])
    _run(at, ["flavors", "set", "m1.large", "--vcpus", "4", *request])
    _say("Hosts for three instances, claimed and on disk before the answer came")
    _run(at, ["place", "--flavor", "m1.large", "--count", "3", "--token", "demo-1"])
    _say("The same token again: the same answer, nothing claimed twice")
    _run(at, ["place", "--flavor", "m1.large", "--count", "3", "--token", "demo-1"])
    _say("A request that fits nowhere, and why")
    _run(at, ["place", "--vcpus", "400", *request], ExitCode.REFUSED)
    _run(at, ["explain", "--vcpus", "400", *request])
    _say("Do the ledger, the allocations in memory and the columns agree?")
    _run(at, ["audit"])
    _run(at, ["status"])
    scenario = directory / "zone-lost.toml"
    scenario.write_text(f'fleet.live = "{target}"\nchanges = [{{ do = "fail", of = {{ zone = "az2" }} }}]\n')
    _say("What if a zone is lost: what has to move then finds a host first, and how many more fit?")
    write_line(scenario.read_text().rstrip())
    _run({}, ["whatif", "fits", str(scenario)])


def _boot(clouds: Path) -> None:
    """Show the whole system."""
    at = {"OS_CLIENT_CONFIG_FILE": str(clouds)}
    settings = str(clouds.with_name("berth.toml"))
    _say("An instance, from the REST call to the running domain: the 28 steps and what the user sees meanwhile")
    _run(at, ["boot", "demo", "--flavor", "m1.small", "--image", "berth-blank", "--watch"])
    _say("The same steps as they are kept")
    _run(at, ["server", "timeline", "demo"])
    _run(at, ["server", "list"])
    _say("Is there anything without an owner: a port, a volume, an allocation, a domain, a file?")
    _run(at, ["audit", "--config", settings])
    _run(at, ["server", "delete", "demo", "--wait"])
    _run(at, ["audit", "--config", settings])


@contextmanager
def _service(directory: Path) -> Iterator[str]:
    """Run ``berth serve`` on a free port and yield where it listens; end it afterwards."""
    state = str(directory / "state")
    write_line(
        "$ berth serve --listen 127.0.0.1:0 --state-dir DIR    (a first start compiles the kernels: some seconds)"
    )
    with _process(["serve", "--listen", "127.0.0.1:0", "--state-dir", state], _READY) as rest:
        yield rest


@contextmanager
def _cloud(state: Path, hosts: int) -> Iterator[Path]:
    """Run ``berth up`` on free ports and yield its clouds.yaml; end it afterwards."""
    launcher = _launcher()
    asked = ["--hosts", str(hosts), "--port-base", "0", "--launcher", launcher]
    _say(
        f"A cloud of {hosts} hosts; the launcher is {launcher}{'' if launcher == 'libvirt-test' else ' (NOT libvirt)'}"
    )
    write_line(f"$ berth up --state-dir DIR {shlex.join(asked)}")
    with _process(["up", "--state-dir", str(state), *asked], _UP) as rest:
        write_line(f"{_UP}{rest}")
        yield state / "clouds.yaml"


def _launcher() -> str:
    """Return libvirt's test driver where libvirt's Python binding is, and the memory launcher where it is not."""
    if importlib.util.find_spec("libvirt") is not None:
        return "libvirt-test"
    write_line("libvirt's Python binding is not installed (make libvirt): domains are kept in memory only")
    return "memory"


@contextmanager
def _process(arguments: list[str], ready: str) -> Iterator[str]:
    """Run a berth command until it says that it is ready; yield the rest of that line, and end it afterwards."""
    command = [sys.executable, "-m", "engine", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    try:
        yield _wait_until_ready(process, ready)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[str], ready: str) -> str:
    """Return what follows ``ready`` in the line that begins with it; what comes later goes on to standard error."""
    assert process.stdout is not None
    watchdog = threading.Timer(_START_S, process.kill)
    watchdog.start()
    said = []
    try:
        for line in process.stdout:
            if line.startswith(ready):
                threading.Thread(target=_pass_on, args=(process.stdout,), daemon=True).start()
                return line.removeprefix(ready).strip()
            said.append(line)
    finally:
        watchdog.cancel()
    raise ServiceUnavailableError(f"berth did not start: {''.join(said).strip() or 'it said nothing'}")


def _pass_on(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stderr.write(line)


def _say(text: str) -> None:
    write_line(f"\n# {text}")


def _run(where: dict[str, str], arguments: list[str], expected: int = 0) -> None:
    """Show a command and run it; end the demonstration where it does not end as it should."""
    write_line(f"$ berth {shlex.join(arguments)}")
    sys.stdout.flush()
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "engine", *arguments], env=os.environ | where, check=False
    )
    if done.returncode != expected:
        write_line(f"this ended with exit code {done.returncode}, not {int(expected)}")
        raise typer.Exit(ExitCode.INTERNAL)
