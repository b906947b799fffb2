"""What happens to guests by itself is looked at, once it is sure to be no reboot."""

from __future__ import annotations

import asyncio
import threading

from engine.boot.compute.lifecycle import Lifecycle
from engine.boot.compute.slots import InstanceLocks
from engine.boot.libvirt.driver import LifecycleEvent

STARTED, STOPPED = LifecycleEvent.STARTED, LifecycleEvent.STOPPED


class Looked:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    async def __call__(self, host: str, uuid: str) -> None:
        self.seen.append((host, uuid))


def test_a_stop_counts_after_its_delay_and_anything_else_at_once() -> None:
    async def work() -> None:
        looked = Looked()
        lifecycle = Lifecycle(InstanceLocks(), looked, stopped_delay_s=0.05)
        told = threading.Thread(target=lambda: lifecycle.told("host-1", "a", STOPPED))
        told.start()
        lifecycle.told("host-1", "b", LifecycleEvent.SUSPENDED)
        await asyncio.sleep(0.02)
        assert looked.seen == [("host-1", "b")]
        await asyncio.sleep(0.08)
        assert looked.seen == [("host-1", "b"), ("host-1", "a")]
        assert lifecycle.waiting == 0
        told.join()
        await lifecycle.close()

    asyncio.run(work())


def test_a_reboot_from_within_is_no_stop() -> None:
    async def work() -> None:
        looked = Looked()
        lifecycle = Lifecycle(InstanceLocks(), looked, stopped_delay_s=0.03)
        for event in (STOPPED, STARTED, STOPPED, STARTED):
            lifecycle.told("host-1", "a", event)
        await asyncio.sleep(0.08)
        assert looked.seen == [("host-1", "a")] * 2
        await lifecycle.close()

    asyncio.run(work())


def test_what_the_agent_does_itself_is_not_looked_at() -> None:
    async def work() -> None:
        looked, locks = Looked(), InstanceLocks()
        lifecycle = Lifecycle(locks, looked, stopped_delay_s=0.01)
        async with locks.held("a"):
            lifecycle.told("host-1", "a", STOPPED)
            lifecycle.told("host-1", "a", STARTED)
            await asyncio.sleep(0.03)
        await asyncio.sleep(0.02)
        assert looked.seen == []
        await lifecycle.close()

    asyncio.run(work())


def test_nothing_comes_after_the_end() -> None:
    async def work() -> None:
        looked = Looked()
        lifecycle = Lifecycle(InstanceLocks(), looked, stopped_delay_s=0.01)
        lifecycle.told("host-1", "a", STOPPED)
        await asyncio.sleep(0)
        await lifecycle.close()
        lifecycle.told("host-1", "a", STARTED)
        await asyncio.sleep(0.03)
        assert looked.seen == []

    asyncio.run(work())
