"""The conductor's process: opens the database, serves agents and the API, recovers, and stops cleanly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

import grpc

from engine.boot.bus.opening import check_bus_url
from engine.boot.conductor.actions import Actions
from engine.boot.conductor.allocations import Allocations
from engine.boot.conductor.builds import Builds
from engine.boot.conductor.client import KEEPALIVE, MAX_MESSAGE_BYTES
from engine.boot.conductor.deletion import Deletion
from engine.boot.conductor.dispatch import Dispatcher
from engine.boot.conductor.failures import Failures
from engine.boot.conductor.host_watch import HostWatch
from engine.boot.conductor.power_sync import PowerSync
from engine.boot.conductor.recovery import Recovery
from engine.boot.conductor.relay import Relay
from engine.boot.conductor.servicer import ConductorServicer, Parts
from engine.boot.conductor.sessions import Sessions
from engine.boot.conductor.settling import Settling
from engine.boot.conductor.undo import Undo
from engine.boot.effects.cleanup import undo_remote
from engine.boot.openstack import Clouds
from engine.boot.openstack.clouds import PATIENT_ATTEMPTS
from engine.boot.store.opening import open_store
from engine.boot.store.store import Store
from engine.client import Client
from engine.config import Settings
from engine.errors import InvalidSettingError
from engine.v1 import conductor_service_pb2_grpc as stubs
from engine.v1.instance_pb2 import Instance

_DRAIN_S = 10.0
_SETTLE_S = 5.0
_SCHEDULER_CALL_S = 10.0
_LAST_PORT = 65_535
_SERVER_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # a second conductor on the same port must fail, not share it
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    *KEEPALIVE,
)


async def serve(settings: Settings, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve on ``boot.conductor`` until ``stop`` is set, then finish what is under way.

    Calls ``ready`` with HOST:PORT once it answers. Raises InvalidSettingError and ServiceUnavailableError when it
    cannot start.
    """
    async with AsyncExitStack() as stack:
        clouds = Clouds.connect(settings.boot, attempts=PATIENT_ATTEMPTS)
        stack.callback(clouds.close)

        async def undo(instance: Instance, failed_build: bool) -> list[str]:
            return await undo_remote(clouds, instance, failed_build=failed_build)

        await serve_with(settings, undo, stop, ready)


async def serve_with(
    settings: Settings,
    undo: Undo,
    stop: asyncio.Event,
    ready: Callable[[str], None],
    clock: Callable[[], float] = time.time,
) -> None:
    """Serve as ``serve`` does, with ``undo`` for what instances leave in other services."""
    options = settings.boot
    async with AsyncExitStack() as stack:
        store = await asyncio.to_thread(lambda: open_store(options, settings.state_dir, durable=False))
        stack.push_async_callback(asyncio.to_thread, store.close)
        allocations = Allocations(
            stack.enter_context(Client(options.scheduler, timeout_s=_SCHEDULER_CALL_S)),
            default_zone=settings.scheduler.default_availability_zone,
        )
        stack.callback(allocations.close)
        sessions = Sessions(clock)
        dispatcher = Dispatcher(store, sessions, clock)
        carrier: Dispatcher | Relay = dispatcher
        if options.bus_url:
            carrier = await _relay(options.bus_url, store, stack, clock)
        settling = Settling(store, allocations, undo, carrier.wake, patience_s=options.scheduler_timeout_s, clock=clock)
        stack.push_async_callback(settling.close, _SETTLE_S)
        failures = Failures(store, settling, clock)
        deletion = Deletion(store, allocations, undo, clock)
        parts = Parts(
            store=store,
            builds=Builds(store, clock),
            failures=failures,
            actions=Actions(store, clock),
            deletion=deletion,
            power_sync=PowerSync(store, clock),
            sessions=sessions,
            dispatcher=dispatcher,
            wake=carrier.wake,
        )
        watch = HostWatch(sessions, allocations, dead_after_s=options.dead_host_s, clock=clock)
        recovery = Recovery(store, allocations, failures, settling, deletion, watch, undo, carrier.wake, options, clock)
        server = grpc.aio.server(options=list(_SERVER_OPTIONS))
        # what protoc generates has no types
        stubs.add_ConductorServiceServicer_to_server(ConductorServicer(parts, stop), server)  # type: ignore[no-untyped-call]
        address = _listen(server, options.conductor)
        await server.start()
        running = [asyncio.create_task(carrier.run()), asyncio.create_task(recovery.run())]
        stack.push_async_callback(_cancelled, running)
        ready(address)
        await stop.wait()
        # the agents' streams have no end of their own
        sessions.close_all()
        await server.stop(_DRAIN_S)


async def _relay(bus_url: str, store: Store, stack: AsyncExitStack, clock: Callable[[], float]) -> Relay:
    """Return the relay to NATS, connected."""
    check_bus_url(bus_url)
    from engine.boot.bus.nats import JetStreamPublisher

    publisher = await JetStreamPublisher.connect(bus_url)
    stack.push_async_callback(publisher.close)
    return Relay(store, publisher, clock)


def _listen(server: grpc.aio.Server, target: str) -> str:
    """Return the address listened on; raise InvalidSettingError when it cannot be had."""
    host, _, number = target.rpartition(":")
    if not host or not (number.isascii() and number.isdecimal() and int(number) <= _LAST_PORT):
        raise InvalidSettingError(f"boot.conductor must be HOST:PORT, not {target!r}", setting="boot.conductor")
    try:
        port = server.add_insecure_port(target)
    except RuntimeError as error:
        raise InvalidSettingError(
            f"the conductor cannot listen on {target}: the port is taken or the address is not this machine's",
            setting="boot.conductor",
        ) from error
    return f"{host}:{port}"


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    """End tasks that run for ever."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
