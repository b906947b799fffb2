"""The real service in this process: its server on a free port, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from engine.client import Client
from engine.config import Settings
from engine.ledger.committer import Committer
from engine.service.placer import Placer
from engine.service.server import Service
from engine.v1 import inventory_service_pb2_grpc, scheduler_service_pb2_grpc

WAIT_S = 60.0


@dataclass
class Running:
    """A service that answers at ``target``; ``client`` and the stubs are the callers' side."""

    target: str
    service: Service
    loop: asyncio.AbstractEventLoop
    client: Client
    channel: grpc.Channel

    @property
    def placer(self) -> Placer:
        assert self.service.placer is not None
        return self.service.placer

    @property
    def scheduler(self) -> Any:
        return scheduler_service_pb2_grpc.SchedulerServiceStub(self.channel)

    @property
    def inventory(self) -> Any:
        return inventory_service_pb2_grpc.InventoryServiceStub(self.channel)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine, run on the service's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)

    def on_loop(self, work: Callable[[], Any]) -> Any:
        """The result of a function, called on the service's loop."""

        async def call() -> Any:
            return work()

        return self.run(call())

    def assert_clean(self) -> None:
        """Ledger, allocations in memory and columns say the same."""
        reply = self.client.audit_allocations()
        assert reply.clean, reply.differences


@contextmanager
def serving(state_dir: Path, *, config: Path | None = None, **settings: Any) -> Iterator[Running]:
    """A service on ``state_dir`` until the block ends."""
    load = partial(
        Settings.load, config, **{"listen": "127.0.0.1:0", "state_dir": state_dir, "drain_s": 5.0, **settings}
    )
    given = load()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="test-service", daemon=True)
    thread.start()

    async def make() -> Service:
        return Service(given, load)

    service = asyncio.run_coroutine_threadsafe(make(), loop).result(WAIT_S)
    try:
        try:
            target = asyncio.run_coroutine_threadsafe(service.start(), loop).result(WAIT_S)
            options = [("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]
            with Client(target) as client, grpc.insecure_channel(target, options=options) as channel:
                yield Running(target, service, loop, client, channel)
        finally:
            asyncio.run_coroutine_threadsafe(service.stop(), loop).result(WAIT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)
        loop.close()


class Disk:
    """The disk under every ledger of this process: it can be held up, and it can be full."""

    def __init__(self) -> None:
        self.full = False
        self.commits = 0
        self._moving = threading.Event()
        self._moving.set()
        self._reached = threading.Semaphore(0)

    def hold(self) -> None:
        """Let no commit through until ``go_on``."""
        while self._reached.acquire(blocking=False):
            pass
        self._moving.clear()

    def wait_for_commit(self) -> None:
        """Wait until a commit stands before the held disk."""
        assert self._reached.acquire(timeout=WAIT_S)

    def go_on(self) -> None:
        """Let the commits through."""
        self._moving.set()

    def pass_through(self) -> None:
        """Called in the committer's thread before it writes."""
        self._reached.release()
        assert self._moving.wait(WAIT_S)
        self.commits += 1
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")


@contextmanager
def watched_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """The disk of the ledgers opened from now on, and of those that are open."""
    disk = Disk()
    transact = Committer._transact

    def watched(committer: Committer, group: Any) -> None:
        disk.pass_through()
        transact(committer, group)

    monkeypatch.setattr(Committer, "_transact", watched)
    try:
        yield disk
    finally:
        disk.go_on()
