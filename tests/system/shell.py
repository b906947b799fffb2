"""The unmodified ``openstack`` client, run in this process so that its modules are loaded once."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from dataclasses import dataclass
from typing import Any

from tests.system.clouds import Cloud


@dataclass(frozen=True)
class Done:
    """What one command printed and how it ended."""

    code: int
    out: str
    err: str


class OpenStackShell:
    """Runs ``openstack`` commands as a user of a cloud."""

    def __init__(self, running: Cloud, cloud: str = "berth") -> None:
        self._running = running
        self._cloud = cloud
        self.transcript: list[str] = []

    def run(self, *arguments: str) -> Done:
        """Run a command, whatever becomes of it."""
        from openstackclient.shell import main

        _forget_connections()

        out, err = io.StringIO(), io.StringIO()
        kept = {name: value for name, value in os.environ.items() if name.startswith("OS_")}
        for name in kept:
            del os.environ[name]
        os.environ["OS_CLIENT_CONFIG_FILE"] = str(self._running.clouds_yaml)
        started = time.perf_counter()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(["--os-cloud", self._cloud, *arguments])
        finally:
            del os.environ["OS_CLIENT_CONFIG_FILE"]
            os.environ.update(kept)
        took_s = time.perf_counter() - started
        self.transcript.append(
            f"$ openstack {' '.join(arguments)}   ({took_s:.2f} s)\n{out.getvalue()}{err.getvalue()}"
        )
        return Done(int(code or 0), out.getvalue(), err.getvalue())

    def ok(self, *arguments: str) -> str:
        """Run a command that must succeed, and return what it printed."""
        done = self.run(*arguments)
        assert done.code == 0, f"openstack {arguments}: {done.out}\n{done.err}"
        return done.out

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed, and return its answer."""
        return json.loads(self.ok(*arguments, "-f", "json"))

    def fails(self, *arguments: str) -> str:
        """Run a command that must fail, and return what it said."""
        done = self.run(*arguments)
        assert done.code != 0, done.out
        return done.err + done.out


def _forget_connections() -> None:
    """Let the next command log in for itself: the client keeps its connections for the process, whoever they are of."""
    from openstackclient.common.clientmanager import ClientManager
    from osc_lib.clientmanager import ClientCache

    for kind in ClientManager.__mro__:
        for cache in vars(kind).values():
            if isinstance(cache, ClientCache):
                cache._handle = None
