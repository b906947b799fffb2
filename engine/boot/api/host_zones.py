"""Which availability zone a host is in, remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Iterable

from engine.boot.api.deps import Deps
from engine.boot.store.aggregates import ZONE_KEY
from engine.errors import EngineError

_REMEMBERED_S = 10.0


class HostZones:
    """Asks the scheduler for hosts' zones, one host at a time."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._known: dict[str, tuple[float, str]] = {}

    async def of(self, host: str) -> str:
        """Return a host's zone; the default one where the scheduler knows none, or cannot say now."""
        at, zone = self._known.get(host, (0.0, ""))
        if zone and time.monotonic() - at < _REMEMBERED_S:
            return zone
        default = self._deps.settings.scheduler.default_availability_zone
        try:
            answer = await self._deps.in_thread(self._deps.scheduler.get_host, host)
            zone = answer.host.availability_zone or await self._aggregates_zone(answer.host.aggregate_uuids) or default
        except EngineError:
            return zone or default
        self._known[host] = (time.monotonic(), zone)
        return zone

    async def _aggregates_zone(self, uuids: Iterable[str]) -> str:
        """Return the zone that the host's aggregates make it part of."""
        wanted = set(uuids)
        if not wanted:
            return ""
        reply = await self._deps.in_thread(self._deps.scheduler.list_aggregates)
        zones = (
            item.metadata[ZONE_KEY] for item in reply.aggregates if item.uuid in wanted and ZONE_KEY in item.metadata
        )
        return str(next(zones, ""))
