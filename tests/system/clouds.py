"""A whole cloud for tests: ``berth up`` as a process on free ports, and its real clients."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from engine.config import Settings
from engine.rest.keystone import Credentials, session_of
from engine.up.layout import PORTS
from tests.ports import free_ports

START_S = 180.0
STOP_S = 60.0
WAIT_S = 60.0
CLIENTS = Path(sys.executable).parent


@dataclass
class Cloud:
    """A running cloud: its settings, its processes, and clients that are authenticated."""

    state_dir: Path
    settings: Settings
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    @property
    def clouds_yaml(self) -> Path:
        return self.state_dir / "clouds.yaml"

    @property
    def fault_file(self) -> Path:
        return self.state_dir / "faults.json"

    def session(self, user: str = "demo") -> Session:
        cloud = self.settings.cloud
        passwords = {"demo": cloud.member_password, "admin": cloud.admin_password}
        password = passwords.get(user, cloud.service_password).get_secret_value()
        project = user if user in passwords else "service"
        return session_of(Credentials(cloud.identity_url, user, password, project_name=project))

    def api(self, service: str, user: str = "demo") -> Adapter:
        """An adapter for compute (newest microversion), image, network or block-storage."""
        version = {"compute": "2.96", "block-storage": "3.71"}.get(service)
        return Adapter(
            self.session(user),
            service_type=service,
            interface="public",
            region_name="RegionOne",
            default_microversion=version,
            raise_exc=False,
        )

    def pids(self) -> dict[str, int]:
        """The process of each part, by the name its command line has."""
        found: dict[str, int] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            with contextlib.suppress(OSError, IndexError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if str(self.state_dir / "berth.toml") not in words or "engine" not in words:
                    continue
                command = words[words.index("engine") + 1]
                name = (
                    "scheduler"
                    if command == "serve"
                    else "+".join(words[words.index("engine") + 2 : words.index("--config")])
                )
                found["cloud" if "+" in name else name] = int(entry.name)
        return found

    def kill(self, part: str) -> None:
        """kill -9 of one part; the supervisor starts it again."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pids()[part], signal.SIGKILL)

    def rss_mb(self) -> dict[str, float]:
        """The resident memory of each part, MiB."""
        page = os.sysconf("SC_PAGE_SIZE") / 2**20
        sizes = {}
        for name, pid in self.pids().items():
            with contextlib.suppress(OSError):
                sizes[name] = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
        return sizes

    def cpu_s(self) -> dict[str, float]:
        """The processor time each part has used."""
        tick = os.sysconf("SC_CLK_TCK")
        used = {}
        for name, pid in self.pids().items():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                used[name] = (int(fields[11]) + int(fields[12])) / tick
        return used

    def faults(self, rules: Sequence[dict[str, Any]]) -> None:
        """Let the parts fail as the rules say, from now on."""
        part = self.fault_file.with_suffix(".part")
        part.write_text(json.dumps(list(rules)))
        part.replace(self.fault_file)

    def openstack(self, *arguments: str, cloud: str = "berth", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the unmodified ``openstack`` command."""
        return self._client("openstack", "--os-cloud", cloud, *arguments, check=check)

    def berth(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a ``berth`` command as the cloud's member."""
        return self._client("berth", *arguments, check=check)

    def _client(self, command: str, *arguments: str, check: bool) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        environment |= {"OS_CLIENT_CONFIG_FILE": str(self.clouds_yaml), "HOME": str(self.state_dir)}
        done = subprocess.run(
            [str(CLIENTS / command), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command} {arguments}: {done.stdout}\n{done.stderr}"
        return done

    def wait_for(self, name: str, status: str = "ACTIVE", *, user: str = "demo") -> dict[str, Any]:
        """Return an instance once it has a status, which it must reach in time."""
        compute = self.api("compute", user)
        deadline = time.monotonic() + WAIT_S
        while True:
            found = [one for one in compute.get("/servers/detail").json()["servers"] if one["name"] == name]
            if found and found[0]["status"] == status:
                server: dict[str, Any] = found[0]
                return server
            assert time.monotonic() < deadline and (not found or found[0]["status"] != "ERROR"), found
            time.sleep(0.05)

    def delete_all(self, user: str = "demo") -> None:
        """Delete every instance of a user's project and wait until they are gone."""
        compute = self.api("compute", user)
        deadline = time.monotonic() + WAIT_S
        while servers := compute.get("/servers").json()["servers"]:
            for server in servers:
                compute.delete(f"/servers/{server['id']}")
            assert time.monotonic() < deadline, servers
            time.sleep(0.1)

    def audit(self) -> subprocess.CompletedProcess[str]:
        """The leak check over everything that has an owner."""
        return self.berth("audit", "--config", str(self.state_dir / "berth.toml"), check=False)

    def assert_clean(self, *, within_s: float = 20.0) -> None:
        """Nothing without an owner is left, at the latest after a while."""
        deadline = time.monotonic() + within_s
        while True:
            done = self.audit()
            if done.returncode == 0:
                return
            assert time.monotonic() < deadline, done.stdout + done.stderr
            time.sleep(0.5)

    def log(self, part: str) -> str:
        return (self.state_dir / "log" / f"{part}.log").read_text()


@contextlib.contextmanager
def cloud(
    state_dir: Path,
    *,
    hosts: int = 4,
    each: bool = False,
    launcher: str = "libvirt-test",
    settings: dict[str, Any] | None = None,
) -> Iterator[Cloud]:
    """Run ``berth up`` until the block ends; ``settings`` are laid over its own."""
    state_dir.mkdir(parents=True, exist_ok=True)
    faults = str(state_dir / "faults.json")
    extra: dict[str, Any] = {"cloud": {"fault_file": faults}, "boot": {"fault_file": faults}}
    for name, table in (settings or {}).items():
        extra[name] = extra[name] | table if isinstance(table, dict) and name in extra else table
    extra_file = state_dir / "extra.toml"
    extra_file.write_text(tomli_w.dumps(extra))
    command = [sys.executable, "-m", "engine", "up", "--state-dir", str(state_dir), "--hosts", str(hosts)]
    command += ["--port-base", str(free_ports(len(PORTS))[0]), "--launcher", launcher, "--config", str(extra_file)]
    command += ["--each"] if each else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said: list[str] = []
    try:
        _until_up(process, said)
        yield Cloud(state_dir, Settings.load(state_dir / "berth.toml"), process, said)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_up(process: subprocess.Popen[str], said: list[str]) -> None:
    assert process.stdout is not None
    watchdog = threading.Timer(START_S, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            said.append(line)
            if line.startswith("berth: UP"):
                threading.Thread(target=said.extend, args=(process.stdout,), daemon=True).start()
                return
    finally:
        watchdog.cancel()
    raise AssertionError("berth up did not come up:\n" + "".join(said))
