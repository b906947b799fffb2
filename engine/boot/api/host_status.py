"""How hosts are, for administrators' views of servers: nova's ``host_status``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from engine.boot.api.deps import Deps
from engine.boot.api.fleet import FleetView
from engine.errors import EngineError
from engine.rest.errors import RestError
from engine.v1.inventory_pb2 import Host

_REMEMBERED_S = 2.0
_ONE_BY_ONE = 8
UNKNOWN = "UNKNOWN"


class HostStatuses:
    """Asks the scheduler: few hosts one by one, many by looking at the fleet."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._view = FleetView(deps)
        self._known: dict[str, tuple[float, str]] = {}

    async def of(self, hosts: Iterable[str]) -> dict[str, str]:
        """Return each host's status: UP, DOWN, MAINTENANCE, or UNKNOWN while the scheduler cannot say."""
        wanted = {host for host in hosts if host}
        now = time.monotonic()
        fresh = {
            host: self._known[host][1]
            for host in wanted
            if host in self._known and now - self._known[host][0] < _REMEMBERED_S
        }
        missing = sorted(wanted - fresh.keys())
        if len(missing) > _ONE_BY_ONE:
            return await self._by_fleet(wanted)
        found = dict(zip(missing, await asyncio.gather(*map(self._ask, missing)), strict=True))
        self._known |= {host: (now, status) for host, status in found.items() if status != UNKNOWN}
        return fresh | found

    async def _ask(self, host: str) -> str:
        try:
            return _status((await self._deps.in_thread(self._deps.scheduler.get_host, host)).host)
        except EngineError:
            return UNKNOWN

    async def _by_fleet(self, wanted: set[str]) -> dict[str, str]:
        try:
            known = (await self._view.look()).by_name
        except RestError:
            return dict.fromkeys(wanted, UNKNOWN)
        return {host: _status(known[host]) if host in known else UNKNOWN for host in wanted}


def _status(host: Host) -> str:
    if host.service.disabled:
        return "MAINTENANCE"
    return "UP" if host.up else "DOWN"
