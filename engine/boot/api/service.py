"""The process of nova-api: its REST service, the worker beside it, and what both are connected to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from starlette.routing import Route

from engine.boot.api import (
    external_events,
    extras,
    instance_actions,
    server_actions,
    server_metadata,
    server_network,
    server_tags,
    servers_change,
    servers_create,
    servers_read,
    timeline,
    volume_attachments,
)
from engine.boot.api.deps import Deps
from engine.boot.api.scheduler_sync import keep_in_step
from engine.boot.api.versions import MICROVERSIONS, OPEN_PATHS
from engine.boot.api.worker import Worker
from engine.boot.conductor.client import ConductorClient
from engine.boot.openstack import Clouds
from engine.boot.seed import seed
from engine.boot.store.opening import open_store
from engine.client import Client
from engine.config import Settings
from engine.faults import FaultPlan
from engine.rest.app import RestApp
from engine.rest.errors import nova_fault
from engine.rest.keystone import Credentials, identity_adapter, session_of
from engine.rest.server import listening_socket
from engine.rest.server import serve as serve_http
from engine.rest.tokens import KeystoneGate

_THREADS = 32
_SCHEDULER_CALL_S = 30.0
_SERVERS = (
    servers_read,
    servers_create,
    servers_change,
    server_actions,
    external_events,
    instance_actions,
    volume_attachments,
    server_metadata,
    server_tags,
    server_network,
    timeline,
)
"""The resources of servers; those that are asked for most come first."""


async def serve(settings: Settings, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Answer requests until ``stop`` is set, then finish those under way; ``ready`` is told the URL.

    Raises EngineError when a part cannot be opened: the database, the address.
    """
    boot = settings.boot
    with ExitStack() as closing:
        listener = listening_socket(boot.api_host, boot.api_port)
        closing.callback(listener.close)
        store = await asyncio.to_thread(open_store, boot, settings.state_dir, durable=True)
        closing.callback(store.close)
        threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="api-call")
        closing.callback(threads.shutdown, wait=False, cancel_futures=True)
        scheduler = Client(boot.scheduler, timeout_s=min(_SCHEDULER_CALL_S, boot.scheduler_timeout_s))
        closing.callback(scheduler.close)
        clouds = Clouds.connect(boot)
        closing.callback(clouds.close)
        conductor = ConductorClient(boot.conductor)
        faults = None if boot.fault_file is None else FaultPlan(boot.fault_file)
        deps = Deps(store, scheduler, clouds, conductor, settings, threads=threads, faults=faults)
        try:
            await seed(store, now=deps.clock())
            await _run(deps, listener, stop, ready, faults)
        finally:
            await conductor.close()


async def _run(
    deps: Deps, listener: socket.socket, stop: asyncio.Event, ready: Callable[[str], None], faults: FaultPlan | None
) -> None:
    """Serve, and keep the worker and the scheduler's copy of the catalog going beside it."""
    app = RestApp(
        "compute",
        routes_of(deps),
        nova_fault,
        gate=gate_of(deps.settings),
        open_paths=OPEN_PATHS,
        microversions=MICROVERSIONS,
        unauthorized_headers={"WWW-Authenticate": f'Keystone uri="{deps.settings.boot.identity.auth_url}"'},
        faults=faults,
    )
    beside = asyncio.Event()
    jobs = [asyncio.create_task(Worker(deps).run(beside)), asyncio.create_task(keep_in_step(deps, beside))]
    serving = asyncio.create_task(serve_http(app, listener, stop))
    host, port = listener.getsockname()[:2]
    ready(f"http://{host}:{port}")
    try:
        # a job that ends by itself has failed: then the process ends, and is started again
        await asyncio.wait({serving, *jobs}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        await asyncio.gather(serving, return_exceptions=True)
        beside.set()
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    for outcome in (serving.exception(), *outcomes):
        if isinstance(outcome, BaseException):
            raise outcome


def routes_of(deps: Deps) -> list[Route]:
    """Return every route of the API."""
    return [*(route for resource in _SERVERS for route in resource.routes(deps)), *extras.routes(deps)]


def gate_of(settings: Settings) -> KeystoneGate:
    """Return the check of tokens with the settings' identity service, as the service user."""
    identity = settings.boot.identity
    credentials = Credentials(
        auth_url=identity.auth_url,
        username=identity.username,
        password=identity.password.get_secret_value(),
        project_name=identity.project_name,
        user_domain_name=identity.user_domain_name,
        project_domain_name=identity.project_domain_name,
        region_name=identity.region_name,
        interface=identity.interface,
    )
    adapter = identity_adapter(session_of(credentials), credentials)
    return KeystoneGate(adapter, fresh_s=settings.boot.token_fresh_s)
