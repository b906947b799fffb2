"""The services of the compute API: an agent for each host, and the scheduler and the conductor behind them."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass

from engine.boot.api.deps import Deps
from engine.boot.api.fleet import Fleet, FleetView, service_uuid
from engine.v1.inventory_pb2 import Host

COMPUTE = "nova-compute"
SCHEDULER = "nova-scheduler"
CONDUCTOR = "nova-conductor"
INTERNAL_ZONE = "internal"
_ANSWER_S = 1.0


@dataclass(frozen=True)
class Service:
    """One service; ``seen_at`` is when it was last heard of (seconds since 1970 UTC), None for not at all."""

    uuid: str
    binary: str
    host: str
    zone: str
    disabled: bool
    disabled_reason: str
    forced_down: bool
    up: bool
    seen_at: float | None


def compute_service(fleet: Fleet, host: Host) -> Service:
    """Return the service of a host's agent."""
    return Service(
        uuid=service_uuid(COMPUTE, host.host_id),
        binary=COMPUTE,
        host=host.host_id,
        zone=fleet.zone_of(host),
        disabled=host.service.disabled,
        disabled_reason=host.service.disabled_reason,
        forced_down=host.service.forced_down,
        up=fleet.is_up(host),
        seen_at=fleet.seen_at(host),
    )


async def services_of(deps: Deps, view: FleetView) -> list[Service]:
    """Return every service: the scheduler and the conductor first, then the hosts' in the fleet's order."""
    conductor_up, fleet = await asyncio.gather(_listens(deps.settings.boot.conductor), view.look())
    # the scheduler has just told of its hosts
    internal = [
        _internal(SCHEDULER, deps.settings.boot.scheduler, fleet.taken_at),
        _internal(CONDUCTOR, deps.settings.boot.conductor, deps.clock() if conductor_up else None),
    ]
    return internal + [compute_service(fleet, host) for host in fleet.hosts]


def _internal(binary: str, target: str, seen_at: float | None) -> Service:
    machine = target.rpartition(":")[0].strip("[]")
    with suppress(ValueError):
        if ipaddress.ip_address(machine).is_loopback:
            machine = socket.gethostname()
    return Service(
        uuid=service_uuid(binary, machine),
        binary=binary,
        host=machine,
        zone=INTERNAL_ZONE,
        disabled=False,
        disabled_reason="",
        forced_down=False,
        up=seen_at is not None,
        seen_at=seen_at,
    )


async def _listens(target: str) -> bool:
    """Whether something takes connections at HOST:PORT."""
    host, _, port = target.rpartition(":")
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), _ANSWER_S)
    except (OSError, TimeoutError, ValueError):
        return False
    writer.close()
    return True
