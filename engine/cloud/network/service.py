"""The network service: its database opened, its routes served, its agent and its events kept going."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from starlette.routing import Route

from engine.cloud.database import Database
from engine.cloud.network import (
    extensions,
    networks,
    ports,
    quotas,
    security_group_rules,
    security_groups,
    subnets,
    tags,
)
from engine.cloud.network.deps import Deps
from engine.cloud.network.events import EventSender
from engine.cloud.network.plugging import PlugAgent
from engine.cloud.network.port_collection import PORTS, visible_ports
from engine.cloud.network.schema import METADATA, SCHEMA_VERSION
from engine.cloud.options import CloudOptions
from engine.cloud.service_user import service_user, where_to_authenticate
from engine.faults import FaultPlan
from engine.rest.app import Gate, RestApp
from engine.rest.errors import RestError, keystone_fault, neutron_fault
from engine.rest.server import listening_socket
from engine.rest.server import serve as serve_app

_TIMEOUT_S = 30.0


async def serve(options: CloudOptions, state_dir: Path, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve the network API until ``stop`` is set; ``ready`` is told the address once it answers.

    Raises InvalidSettingError when the address is taken and InvalidFileError for a database that is not ours.
    """
    database = Database(state_dir / "cloud" / "network.sqlite", METADATA, version=SCHEMA_VERSION)
    try:
        user = service_user(options, "neutron", timeout_s=_TIMEOUT_S)
        faults = FaultPlan(options.fault_file) if options.fault_file is not None else None
        sender = EventSender(database, user.session, options.compute_url)
        agent = PlugAgent(database, sender, delay_s=options.vif_plug_delay_s, faults=faults)
        deps = Deps(database, agent, quotas.default_quotas(options), faults)
        listener = listening_socket(options.host, options.network_port)
        port = listener.getsockname()[1]
        # the socket takes connections from here on; they are answered as soon as the server runs
        ready(f"http://{options.host}:{port}")
        ended = asyncio.Event()
        # a failure of any of the three ends the others and is raised here
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(agent.run(ended))
            tasks.create_task(sender.run(ended))
            await serve_app(network_app(deps, user.gate, options), listener, stop)
            ended.set()
    finally:
        database.close()


def network_app(deps: Deps, gate: Gate, options: CloudOptions) -> RestApp:
    """Return the application over an open database."""
    return RestApp(
        "network",
        _routes(deps),
        _fault,
        gate=gate,
        open_paths=extensions.OPEN_PATHS,
        unauthorized_headers=where_to_authenticate(options.identity_url),
        faults=deps.faults,
    )


def _routes(deps: Deps) -> list[Route]:
    tagged = [
        tags.Tagged("networks", networks.NETWORKS, networks.visible_networks),
        tags.Tagged("subnets", subnets.SUBNETS, subnets.visible_subnets),
        tags.Tagged("ports", PORTS, visible_ports),
        tags.Tagged("security-groups", security_groups.SECURITY_GROUPS, security_groups.visible_groups),
    ]
    # what is asked most often first: routes are tried in order
    return [
        *ports.routes(deps),
        *networks.routes(deps),
        *subnets.routes(deps),
        *security_groups.routes(deps),
        *security_group_rules.routes(deps),
        *quotas.routes(deps),
        *tags.routes(deps.database, tagged),
        *extensions.routes(deps.database),
    ]


def _fault(error: RestError) -> object:
    """Return neutron's body of an error; what the check of tokens says comes in keystone's words."""
    return keystone_fault(error) if error.status == 401 else neutron_fault(error)
