"""The server: opens the ledger, restores the table, warms the kernels, serves, and drains when told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from engine.config import Settings
from engine.errors import EngineError
from engine.scheduler.chain import Chain
from engine.scheduler.compiler import compiling
from engine.scheduler.select import Selector
from engine.scheduler.warming import load_first
from engine.service.capacity_servicer import CapacityServicer
from engine.service.commits import Commits
from engine.service.daemon_thread import in_daemon_thread
from engine.service.health import Health
from engine.service.inventory_servicer import InventoryServicer
from engine.service.inventory_writer import InventoryWriter
from engine.service.listening import parsed_address, started_server
from engine.service.memory import settle
from engine.service.methods import Methods
from engine.service.placer import Placer
from engine.service.reload import chain_made_ready, changed_settings, rest_made_ready
from engine.service.restore import GENERATIONS_PER_START, Restored, restore, starts_kept, starts_record
from engine.service.scheduler_servicer import SchedulerServicer
from engine.service.segment_compaction import compact_now_and_then
from engine.v1 import (
    capacity_service_pb2,
    capacity_service_pb2_grpc,
    inventory_service_pb2,
    inventory_service_pb2_grpc,
    scheduler_service_pb2,
    scheduler_service_pb2_grpc,
)

_LOG = logging.getLogger("berth.service")
_FORGET_INTERVAL_S = 60.0
_SWITCH_INTERVAL_S = 0.0005
"""How long one thread may keep another from Python's lock; by default it is ten times as long, too long for a call."""
_WHATIF_FOLDER = "whatif"
"""Where, in the state directory, questions are answered."""
SERVICES = (
    scheduler_service_pb2.DESCRIPTOR.services_by_name["SchedulerService"].full_name,
    inventory_service_pb2.DESCRIPTOR.services_by_name["InventoryService"].full_name,
    capacity_service_pb2.DESCRIPTOR.services_by_name["CapacityService"].full_name,
)


def run(settings: Settings, reread: Callable[[], Settings] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way; raise an EngineError when it cannot start.

    SIGHUP takes over what ``reread`` returns, where it is given. Told to stop before it serves, it ends the process at
    once.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    served = uvloop.run(_serve(settings, reread))
    if not served:
        # a thread may still be compiling kernels, which nothing can stop and the interpreter's own end cannot survive
        logging.shutdown()
        os._exit(0)


def now_us() -> int:
    """Return the time in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class Service:
    """A running service: its parts, and how it starts and stops."""

    def __init__(self, settings: Settings, reread: Callable[[], Settings] | None = None) -> None:
        self.settings = settings
        """Those in force."""
        self.draining = asyncio.Event()
        self.health = Health()
        self.placer: Placer | None = None
        self._server: grpc.aio.Server | None = None
        self._commits: Commits | None = None
        self._writer: InventoryWriter | None = None
        self._scheduler: SchedulerServicer | None = None
        self.capacity: CapacityServicer | None = None
        self._reread = reread
        self._reload_asked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> str:
        """Restore, warm, listen, and return the address served; raise InvalidSettingError when it cannot listen."""
        settings = self.settings
        asked = parsed_address(settings.listen)
        commits = self._commits = Commits(Path(settings.state_dir), settings.ledger, asyncio.get_running_loop())
        state = await in_daemon_thread(commits.ledger.load)
        restored = await in_daemon_thread(lambda: restore(state))
        commits.watch(restored.book)
        await self._begin_generations(commits, restored)
        chain = Chain.from_options(settings.scheduler)
        budget = settings.view_budget_mb * 1024 * 1024
        selector = Selector(restored.table, chain, random.Random(settings.seed), view_budget_bytes=budget)
        await in_daemon_thread(lambda: _warm(selector))
        placer = self.placer = Placer(restored.table, restored.book, restored.catalog, selector, commits, now_us)
        placer.answers.restore(list(state.tokens.values()))
        writer = self._writer = InventoryWriter(restored.table, restored.catalog, commits)
        scheduler = self._scheduler = SchedulerServicer(placer, self.draining)
        selector.overlays.places_many = False
        scheduler.explains.clear()
        inventory = InventoryServicer(placer, writer, self.draining)
        capacity = self.capacity = CapacityServicer(
            placer,
            self.draining,
            Path(settings.state_dir) / _WHATIF_FOLDER,
            at_once=settings.whatif_at_once,
            waiting=settings.whatif_waiting,
        )

        def add_services(server: grpc.aio.Server) -> None:
            methods = Methods()
            # what protoc generates has no types
            scheduler_service_pb2_grpc.add_SchedulerServiceServicer_to_server(scheduler, methods)  # type: ignore[no-untyped-call]
            inventory_service_pb2_grpc.add_InventoryServiceServicer_to_server(inventory, methods)  # type: ignore[no-untyped-call]
            capacity_service_pb2_grpc.add_CapacityServiceServicer_to_server(capacity, methods)  # type: ignore[no-untyped-call]
            health_pb2_grpc.add_HealthServicer_to_server(self.health, methods)
            server.add_generic_rpc_handlers([methods])
            reflection.enable_server_reflection([*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME], server)

        self._server, address = await started_server(asked, settings.max_message_mb * 1024 * 1024, add_services)
        for name in ("", *SERVICES):
            await self.health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._tasks = [
            asyncio.create_task(self._forget_now_and_then()),
            asyncio.create_task(
                compact_now_and_then(
                    commits.ledger,
                    restored.worn_segments,
                    lambda: (writer.segments_written, writer.segment_rows_written),
                )
            ),
            asyncio.create_task(self._reload_when_asked()),
            asyncio.create_task(self._make_the_rest_ready(selector)),
        ]
        return address

    async def _begin_generations(self, commits: Commits, restored: Restored) -> None:
        """Lift the generation above all that earlier starts gave out, and keep the number of starts for the next."""
        starts = starts_kept(restored.documents)
        restored.table.begin_generations(starts * GENERATIONS_PER_START)
        await commits.submit([starts_record(starts + 1)], lambda: None)

    async def stop(self) -> None:
        """Refuse new calls, finish those under way, commit, close."""
        self.draining.set()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.health.enter_graceful_shutdown()
        self.health.end_watches()
        if self.capacity is not None:
            self.capacity.close()
        if self._server is not None:
            await self._server.stop(self.settings.drain_s)
        if self._writer is not None:
            await self._writer.settled()
        if self._commits is not None:
            await self._commits.close()

    def ask_for_reload(self) -> None:
        """Have the settings read again, once it serves; the log tells what came of it."""
        self._reload_asked.set()

    async def reload(self) -> list[str]:
        """Take over the settings as ``reread`` returns them now, and return what has changed, in words.

        A new chain is made ready beside the one in force, which decides until then. Raises EngineError, with everything
        as it was.
        """
        assert self._reread is not None
        assert self._scheduler is not None
        old, new = self.settings, await in_daemon_thread(self._reread)
        changes = changed_settings(old, new)
        selector = self._scheduler.placer.selector
        if (old.scheduler, old.seed, old.view_budget_mb) != (new.scheduler, new.seed, new.view_budget_mb):
            chain = selector.chain
            if old.scheduler != new.scheduler:
                chain = await chain_made_ready(new.scheduler, chain)
            chance = selector.rng if old.seed == new.seed else random.Random(new.seed)
            budget = new.view_budget_mb * 1024 * 1024
            self._scheduler.adopt(Selector(selector.table, chain, chance, view_budget_bytes=budget))
        self.settings = new
        return changes

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            began = time.monotonic()
            try:
                changes = await self.reload()
            except EngineError as error:
                _LOG.error("settings read again, and refused; those in force stay so: %s", error.message)
            except Exception:
                _LOG.exception("settings could not be read again; those in force stay so")
            else:
                text = "; ".join(changes) or "nothing has changed"
                _LOG.info("settings read again, in force after %.1f s: %s", time.monotonic() - began, text)

    async def _make_the_rest_ready(self, selector: Selector) -> None:
        """Make the kernels ready that placing single instances does not need, while it goes on."""
        assert self._scheduler is not None
        try:
            await rest_made_ready(self.settings.scheduler, selector.chain)
        except EngineError as error:
            _LOG.error("kernels could not be made ready, and will be when they are needed: %s", error.message)
        selector.overlays.places_many = True
        self._scheduler.explains.set()

    async def _forget_now_and_then(self) -> None:
        assert self.placer is not None
        while True:
            await asyncio.sleep(_FORGET_INTERVAL_S)
            try:
                await self.placer.forget(self.settings.token_retention_s)
            except Exception:
                _LOG.exception("old tokens could not be dropped; trying again in %.0f s", _FORGET_INTERVAL_S)


def _warm(selector: Selector) -> None:
    """Compile or load the kernels, after waiting for another process that compiles."""
    with compiling():
        load_first(selector.chain)
        # once on its own table, whose columns are ready then
        selector.warm()


async def _serve(settings: Settings, reread: Callable[[], Settings] | None) -> bool:
    """Serve until told to stop; return whether it came to serving at all."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    service = Service(settings, reread)
    if reread is not None:
        loop.add_signal_handler(signal.SIGHUP, service.ask_for_reload)
    try:
        starting = asyncio.ensure_future(service.start())
        stopping = asyncio.ensure_future(told.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            # a start that is interrupted has answered nothing, so it may end where it is
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting
            return False
        sys.stderr.write(f"berth: SERVING on {starting.result()}\n")
        sys.stderr.flush()
        settle()
        await stopping
        return True
    finally:
        await service.stop()
