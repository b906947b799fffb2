"""The compute agent as a process: its parts are put together, run until told to stop, and ended in order."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from engine.boot.bus.opening import open_inbox
from engine.boot.compute.agent import Agent
from engine.boot.compute.calls import answer
from engine.boot.compute.fleet import profiles_of
from engine.boot.compute.lifecycle import Lifecycle
from engine.boot.compute.power_sync import PowerSync
from engine.boot.compute.resources import HostReporter
from engine.boot.compute.slots import InstanceLocks
from engine.boot.compute.threads import in_thread
from engine.boot.compute.tools import FaultPoints, Tools
from engine.boot.compute.vif_events import VifEvents
from engine.boot.conductor.client import ConductorClient
from engine.boot.effects.image_cache import ImageCache
from engine.boot.libvirt.driver import Driver, HostProfile
from engine.boot.libvirt.launchers import launcher
from engine.boot.openstack import Clouds
from engine.boot.openstack.clouds import PATIENT_ATTEMPTS
from engine.config import Settings
from engine.errors import EngineError
from engine.faults import FaultPlan

_LOG = logging.getLogger("berth.compute")
_THREADS = 32
_FIRST_REPORT_S = 10.0
_PRUNE_INTERVAL_S = 2400.0
"""nova's interval of its image cache manager."""


async def serve(
    settings: Settings, stop: asyncio.Event, ready: Callable[[str], None], *, driver: Driver | None = None
) -> None:
    """Run the hosts of ``settings.boot.compute`` until ``stop`` is set; ``ready`` is told how many, and on what.

    ``driver``: a launcher that is open already, which outlives this agent; None: the one that the settings name.
    Raises LaunchError when the launcher cannot work here, ConflictError when another agent takes the hosts over.
    """
    options = settings.boot.compute
    profiles = profiles_of(options)
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="launcher")
    own = driver is None
    if driver is None:
        driver = await in_thread(threads, launcher, options.launcher, settings.state_dir / "compute")
    try:
        await in_thread(threads, driver.open_hosts, list(profiles.values()))
        async with _tools(settings, driver, threads, profiles) as tools:
            await _work(settings.boot.bus_url, tools, profiles, stop, ready)
    finally:
        if own:
            await in_thread(threads, driver.close)
        threads.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def _tools(
    settings: Settings, driver: Driver, threads: ThreadPoolExecutor, profiles: dict[str, HostProfile]
) -> AsyncIterator[Tools]:
    """Connect to everything; nothing is asked of anybody before it is needed."""
    boot = settings.boot
    clouds = Clouds.connect(boot, attempts=PATIENT_ATTEMPTS)
    conductor = ConductorClient(boot.conductor)
    reporter = HostReporter(
        boot.scheduler, driver, list(profiles.values()), interval_s=boot.compute.heartbeat_interval_s
    )
    try:
        yield Tools(
            options=boot.compute,
            driver=driver,
            threads=threads,
            conductor=conductor,
            clouds=clouds,
            images=ImageCache(settings.state_dir / "compute" / "images", clouds.images),
            events=VifEvents(),
            reporter=reporter,
            points=FaultPoints(FaultPlan(boot.fault_file) if boot.fault_file else None),
        )
    finally:
        await in_thread(threads, reporter.stop)
        await conductor.close()
        clouds.close()


async def _work(
    bus_url: str, tools: Tools, profiles: dict[str, HostProfile], stop: asyncio.Event, ready: Callable[[str], None]
) -> None:
    """Take messages and keep the records true until told to stop."""
    locks = InstanceLocks()
    agent = Agent(tools, profiles, locks)
    sync = PowerSync(tools, locks)
    lifecycle = Lifecycle(locks, sync.domain)
    inbox = open_inbox(
        bus_url,
        tools.conductor,
        f"compute-{uuid.uuid4()}",
        list(profiles),
        lambda host, method, body: answer(tools, host, method, body),
    )
    tools.driver.on_lifecycle(lifecycle.told)
    tools.reporter.start()
    serving = asyncio.create_task(agent.serve(inbox))
    beside = [
        asyncio.create_task(_every(tools.options.sync_power_states_interval_s, lambda: sync.hosts(profiles))),
        asyncio.create_task(_every(_PRUNE_INTERVAL_S, lambda: _prune(tools))),
    ]
    stopping = asyncio.create_task(stop.wait())
    try:
        registered = asyncio.create_task(asyncio.to_thread(tools.reporter.answered.wait, _FIRST_REPORT_S))
        await asyncio.wait({registered, serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            ready(f"{len(profiles)} hosts from {next(iter(profiles))}, on {tools.driver.name}")
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        await agent.stop()
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        await lifecycle.close()
        await inbox.close()
        # ends with what made the agent useless, if anything did
        await serving


async def _every(interval_s: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do a piece of work now and after every interval, whatever becomes of it."""
    while True:
        try:
            await work()
        except EngineError as error:
            _LOG.warning("periodic work failed and is done again later: %s", error.message)
        except Exception:
            _LOG.exception("periodic work failed and is done again later")
        await asyncio.sleep(interval_s)


async def _prune(tools: Tools) -> None:
    """Remove images that no guest rests on and nobody has asked for lately."""
    in_use = await in_thread(tools.threads, tools.driver.image_paths)
    removed = await in_thread(tools.threads, tools.images.prune, tools.options.image_cache_unused_s, in_use)
    if removed:
        _LOG.info("%d images went from the cache: nobody uses them", len(removed))
