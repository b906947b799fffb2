"""What the launcher says of domains by itself: guests that stop, start or pause without anybody having asked here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from engine.boot.compute.slots import InstanceLocks
from engine.boot.libvirt.driver import LifecycleEvent

_STOPPED_DELAY_S = 15.0
"""nova's: a reboot from within must not be read as a stop, so a stop counts only when nothing follows it."""


class Lifecycle:
    """Passes domains on to be looked at; ``told`` may be called in any thread, everything else on the loop.

    What the agent does itself, it records itself: events of an instance that is being worked on are not passed on.
    """

    def __init__(
        self,
        locks: InstanceLocks,
        look: Callable[[str, str], Coroutine[Any, Any, None]],
        *,
        stopped_delay_s: float = _STOPPED_DELAY_S,
    ) -> None:
        self._locks = locks
        self._look = look
        self._stopped_delay_s = stopped_delay_s
        self._loop = asyncio.get_running_loop()
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._looking: set[asyncio.Task[None]] = set()
        self._closed = False

    def told(self, host: str, uuid: str, event: LifecycleEvent) -> None:
        """Take an event; returns at once, in whatever thread."""
        if not self._closed:
            self._loop.call_soon_threadsafe(self._take, host, uuid, event)

    @property
    def waiting(self) -> int:
        """How many stops may yet turn out to be reboots."""
        return len(self._timers)

    async def close(self) -> None:
        """Pass nothing on any more."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in self._looking:
            task.cancel()
        if self._looking:
            await asyncio.wait(self._looking)

    def _take(self, host: str, uuid: str, event: LifecycleEvent) -> None:
        timer = self._timers.pop((host, uuid), None)
        if timer is not None:
            timer.cancel()
        if self._closed or self._locks.busy(uuid):
            return
        if event == LifecycleEvent.STOPPED:
            later = self._loop.call_later(self._stopped_delay_s, self._pass_on, host, uuid)
            self._timers[host, uuid] = later
        else:
            self._pass_on(host, uuid)

    def _pass_on(self, host: str, uuid: str) -> None:
        self._timers.pop((host, uuid), None)
        task = asyncio.create_task(self._look(host, uuid))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)
