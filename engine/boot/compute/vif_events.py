"""Latches for what the network service tells of ports: an event is kept whether it comes before or after its waiter."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

VIF_PLUGGED = "network-vif-plugged"
COMPLETED = "completed"
_MOST_OF_ONE = 256
"""How many events are kept of one instance: more ports than an instance can have."""


@dataclass(frozen=True)
class EventKey:
    """What is waited for: an event by name about one port (``tag``) of an instance on a host."""

    host: str
    instance_uuid: str
    name: str
    tag: str


@dataclass
class _Early:
    """Events of one instance that nobody has waited for, since the first of them came."""

    since: float
    statuses: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass
class Latches:
    """One builder's waits: a future by port, whose result is the event's status."""

    futures: dict[EventKey, asyncio.Future[str]] = field(default_factory=dict)

    def settle(self, tag: str, status: str) -> None:
        """Take the port ``tag`` for told of, as when its status was read instead."""
        for key, future in self.futures.items():
            if key.tag == tag and not future.done():
                future.set_result(status)

    def open_tags(self) -> list[str]:
        """Return the ports of which nothing is known yet."""
        return [key.tag for key, future in self.futures.items() if not future.done()]

    def failed_tags(self) -> list[str]:
        """Return the ports that could not be plugged."""
        return [key.tag for key, future in self.futures.items() if future.done() and future.result() != COMPLETED]

    async def wait(self, timeout_s: float, *, stop_at_failure: bool) -> bool:
        """Wait until every port is told of (or one has failed, where that ends it); return whether it came in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while waiting := [future for future in self.futures.values() if not future.done()]:
            left = deadline - loop.time()
            if stop_at_failure and self.failed_tags():
                return True
            if left <= 0:
                return False
            await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return True


class VifEvents:
    """The events of one agent.

    What nobody waits for yet is kept for ``keep_s``, and of at most ``keep_most`` instances.
    """

    def __init__(
        self, *, keep_s: float = 600.0, keep_most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep_s = keep_s
        self._keep_most = keep_most
        self._clock = clock
        self._early: OrderedDict[tuple[str, str], _Early] = OrderedDict()
        self._waited: dict[EventKey, asyncio.Future[str]] = {}

    def expect(self, host: str, instance_uuid: str, name: str, tags: Iterable[str]) -> Latches:
        """Return latches for a port each; an event that has come already satisfies its latch at once."""
        loop = asyncio.get_running_loop()
        self._drop_old()
        early = self._early.get((host, instance_uuid))
        latches = Latches()
        for tag in tags:
            key = EventKey(host, instance_uuid, name, tag)
            future = latches.futures[key] = self._waited[key] = loop.create_future()
            status = None if early is None else early.statuses.pop((name, tag), None)
            if status is not None:
                future.set_result(status)
        if early is not None and not early.statuses:
            del self._early[host, instance_uuid]
        return latches

    def release(self, latches: Latches) -> None:
        """Wait no longer."""
        for key, future in latches.futures.items():
            if self._waited.get(key) is future:
                del self._waited[key]

    def deliver(self, key: EventKey, status: str) -> None:
        """Take an event: for its waiter, else to be kept; of two about one port the later counts."""
        waiter = self._waited.get(key)
        if waiter is not None:
            if not waiter.done():
                waiter.set_result(status)
            return
        place = (key.host, key.instance_uuid)
        early = self._early.setdefault(place, _Early(self._clock()))
        if len(early.statuses) < _MOST_OF_ONE or (key.name, key.tag) in early.statuses:
            early.statuses[key.name, key.tag] = status
        self._drop_old()

    def forget(self, host: str, instance_uuid: str) -> None:
        """Drop what was kept about an instance on a host: it was of an earlier life."""
        self._early.pop((host, instance_uuid), None)

    @property
    def kept(self) -> int:
        """Of how many instances events wait for somebody to ask."""
        return len(self._early)

    @property
    def waiting(self) -> int:
        """How many latches are held."""
        return len(self._waited)

    def _drop_old(self) -> None:
        oldest = self._clock() - self._keep_s
        while self._early and (len(self._early) > self._keep_most or next(iter(self._early.values())).since < oldest):
            self._early.popitem(last=False)
