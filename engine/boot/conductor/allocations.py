"""The scheduler's allocations and host records, from the event loop: its client waits in a few threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from engine.client import Client
from engine.errors import EngineError, NotFoundError
from engine.v1.assignment_pb2 import Assignment

Result = TypeVar("Result")

_THREADS = 8
_ZONE_KEY = "availability_zone"


class Allocations:
    """Moves and releases what instances hold, and says what is known of hosts."""

    def __init__(self, scheduler: Client, *, default_zone: str = "nova") -> None:
        self.scheduler = scheduler
        self._default_zone = default_zone
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="scheduler-call")

    def close(self) -> None:
        """Give the threads up, without waiting for calls under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def move(self, instance_uuid: str, host: str) -> Assignment | None:
        """Move an instance's allocation to a host; return which parts of it were given, None for plain amounts.

        Raises what ``Client.move_allocation`` does.
        """
        moved = (await self._call(lambda: self.scheduler.move_allocation(instance_uuid, host))).allocation
        return moved.assignment if moved.HasField("assignment") else None

    async def release(self, instance_uuid: str) -> None:
        """Give an instance's allocation back; one that holds nothing is no error."""
        await self._call(lambda: self.scheduler.release_allocations([instance_uuid]))

    async def zone_of(self, host: str) -> str:
        """Return a host's availability zone, its own or its aggregates'; an empty text when it cannot be asked now."""
        try:
            record = (await self._call(lambda: self.scheduler.get_host(host))).host
            if record.availability_zone:
                return record.availability_zone
            aggregates = (await self._call(self.scheduler.list_aggregates)).aggregates if record.aggregate_uuids else ()
        except EngineError:
            return ""
        zones = (item.metadata.get(_ZONE_KEY, "") for item in aggregates if item.uuid in record.aggregate_uuids)
        return next((zone for zone in zones if zone), self._default_zone)

    async def last_seen(self, host: str) -> float:
        """Return when a host's last heartbeat came (seconds since 1970 UTC); 0 for one that sends none."""
        try:
            record = (await self._call(lambda: self.scheduler.get_host(host))).host
        except NotFoundError:
            return 0.0
        return record.service.last_seen_up_us / 1_000_000

    async def _call(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)
