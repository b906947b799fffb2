"""An embedded cloud for tests: real services on free ports, in one event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from engine.cloud.options import CloudOptions
from tests.ports import free_port

Part = Literal["identity", "image", "network", "volume"]

START_S = 30.0
PASSWORDS = {
    "admin": "admin-secret",
    "demo": "demo-secret",
    **dict.fromkeys(("nova", "glance", "neutron", "cinder"), "service-secret"),
}
_PROJECTS = {"admin": "admin", "demo": "demo"}


@dataclass(frozen=True)
class _Running:
    stop: asyncio.Event
    served: Future[None]


class Cloud:
    """The services that run; ``state_dir`` outlives their restarts."""

    def __init__(self, options: CloudOptions, state_dir: Path) -> None:
        self.options = options
        self.state_dir = state_dir
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cloud", daemon=True)
        self._thread.start()
        self._running: dict[Part, _Running] = {}

    def url(self, part: Part) -> str:
        """``http://host:port`` of a service."""
        return f"http://127.0.0.1:{getattr(self.options, f'{part}_port')}"

    def start(self, part: Part) -> None:
        """Start a service and wait until it answers."""
        serve = importlib.import_module(f"engine.cloud.{part}.service").serve
        stop = asyncio.Event()
        ready = threading.Event()

        async def run() -> None:
            await serve(self.options, self.state_dir, stop, lambda _: ready.set())

        served = asyncio.run_coroutine_threadsafe(run(), self._loop)
        served.add_done_callback(lambda _: ready.set())
        if not ready.wait(START_S):
            raise AssertionError(f"{part} did not start within {START_S} s")
        if served.done():
            served.result()
            raise AssertionError(f"{part} ended at once")
        self._running[part] = _Running(stop, served)

    def stop(self, part: Part) -> None:
        """Stop a service and wait until it has ended."""
        running = self._running.pop(part)
        self._loop.call_soon_threadsafe(running.stop.set)
        running.served.result(START_S)

    def token(self, user: str = "demo", project: str = "") -> str:
        """A new token of a user, for its own project or another."""
        token = self.session(user, project).get_token()
        assert token is not None
        return token

    def session(self, user: str = "demo", project: str = "") -> Session:
        """A keystoneauth session of a user, for its own project or another."""
        auth = Password(
            auth_url=self.options.identity_url,
            username=user,
            password=PASSWORDS[user],
            project_name=project or _PROJECTS.get(user, "service"),
            user_domain_name="Default",
            project_domain_name="Default",
        )
        return Session(auth=auth, timeout=20)

    def call(self, function: Callable[[], Any]) -> Any:
        """Run a coroutine function in the services' event loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(function(), self._loop).result(START_S)

    def close(self) -> None:
        """Stop every service, the last started first."""
        try:
            while self._running:
                self.stop(next(reversed(self._running)))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(START_S)
            self._loop.close()


@contextmanager
def cloud(tmp_path: Path, *parts: Part, **option_overrides: Any) -> Iterator[Cloud]:
    """A cloud with identity and the named services; overrides are those of CloudOptions."""
    given: dict[str, Any] = {
        **{f"{part}_port": free_port() for part in ("identity", "image", "network", "volume")},
        "compute_url": f"http://127.0.0.1:{free_port()}/v2.1",
        "admin_password": PASSWORDS["admin"],
        "member_password": PASSWORDS["demo"],
        "service_password": PASSWORDS["nova"],
        **option_overrides,
    }
    running = Cloud(CloudOptions(**given), tmp_path / "state")
    try:
        for part in dict.fromkeys(("identity", *parts)):
            running.start(part)
        yield running
    finally:
        running.close()
