"""The fleet as the scheduler knows it, for listings: read whole, and kept for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from uuid import NAMESPACE_URL, UUID, uuid5

from engine.boot.api.deps import Deps
from engine.boot.api.scheduler_calls import ask
from engine.boot.store.aggregates import ZONE_KEY
from engine.client import Client
from engine.v1.inventory_pb2 import Aggregate, Host

_PAGE = 10_000
_SMALL_ID_BITS = 48


@dataclass(frozen=True)
class Fleet:
    """Hosts and aggregates at one moment (``taken_at``, seconds since 1970 UTC)."""

    hosts: tuple[Host, ...]
    aggregates: tuple[Aggregate, ...]
    default_zone: str
    down_time_s: float
    taken_at: float

    @cached_property
    def _zone_of_aggregate(self) -> dict[str, str]:
        return {item.uuid: item.metadata[ZONE_KEY] for item in self.aggregates if item.metadata.get(ZONE_KEY)}

    @cached_property
    def by_name(self) -> dict[str, Host]:
        """The hosts by host id."""
        return {host.host_id: host for host in self.hosts}

    def zone_of(self, host: Host) -> str:
        """Return a host's availability zone: its own, its aggregates', or the default one."""
        if host.availability_zone:
            return host.availability_zone
        zones = (self._zone_of_aggregate.get(uuid) for uuid in host.aggregate_uuids)
        return next((zone for zone in zones if zone), self.default_zone)

    def is_up(self, host: Host) -> bool:
        """Whether a host's service is alive, disabled or not."""
        service = host.service
        if host.up or service.forced_down or not service.HasField("last_seen_up_us"):
            return host.up or not service.forced_down
        return abs(self.taken_at - service.last_seen_up_us / 1e6) <= self.down_time_s

    def seen_at(self, host: Host) -> float:
        """Return when a host was last heard of (seconds UTC); one that sends no heartbeats, now."""
        service = host.service
        return service.last_seen_up_us / 1e6 if service.HasField("last_seen_up_us") else self.taken_at


class FleetView:
    """Reads the fleet when it is asked for; what was read counts for ``fresh_s``, callers at once share one read."""

    def __init__(self, deps: Deps, *, fresh_s: float = 2.0) -> None:
        self._deps = deps
        self._fresh_s = fresh_s
        self._reading = asyncio.Lock()
        self._fleet: Fleet | None = None
        self._read_at = 0.0

    async def look(self) -> Fleet:
        """Return the fleet; raise Unavailable when the scheduler cannot be asked."""
        async with self._reading:
            if self._fleet is None or time.monotonic() - self._read_at >= self._fresh_s:
                self._fleet = await ask(self._deps, self._read)
                self._read_at = time.monotonic()
            return self._fleet

    def forget(self) -> None:
        """Let the next look read anew: something was changed."""
        self._fleet = None

    def _read(self) -> Fleet:
        deps = self._deps
        return Fleet(
            hosts=tuple(all_hosts(deps.scheduler)),
            aggregates=tuple(deps.scheduler.list_aggregates().aggregates),
            default_zone=deps.settings.scheduler.default_availability_zone,
            down_time_s=deps.settings.scheduler.service_down_time,
            taken_at=deps.clock(),
        )


def all_hosts(scheduler: Client) -> Iterator[Host]:
    """Yield every host, page by page; blocks."""
    token = ""
    while True:
        page = scheduler.list_hosts(page_size=_PAGE, page_token=token)
        yield from page.hosts
        token = page.next_page_token
        if not token:
            return


def service_uuid(binary: str, host_id: str) -> str:
    """Return the id of a service, the same for ever."""
    return str(uuid5(NAMESPACE_URL, f"berth:service:{binary}:{host_id}"))


def small_id(uuid: str) -> int:
    """Return the whole number by which versions below 2.53 name what has a uuid."""
    return UUID(uuid).int >> (128 - _SMALL_ID_BITS)


def node_name(host: Host) -> str:
    """Return the hypervisor's name."""
    return host.nodename or host.host_id
