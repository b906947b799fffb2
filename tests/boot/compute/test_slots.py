"""One thing at a time for each instance, and nothing kept of any other."""

from __future__ import annotations

import asyncio

import pytest

from engine.boot.compute.slots import InstanceLocks


def test_one_instance_is_worked_on_in_order_and_others_beside_it() -> None:
    async def work() -> None:
        locks = InstanceLocks()
        seen: list[str] = []

        async def use(uuid: str, name: str) -> None:
            async with locks.held(uuid):
                seen.append(f"{name} begins")
                await asyncio.sleep(0.01)
                seen.append(f"{name} ends")

        await asyncio.gather(use("a", "first"), use("a", "second"), use("b", "other"))
        assert seen.index("first ends") < seen.index("second begins")
        assert seen.index("other begins") < seen.index("first ends")
        assert len(locks) == 0

    asyncio.run(work())


def test_a_failure_and_a_cancelled_waiter_leave_nothing() -> None:
    async def work() -> None:
        locks = InstanceLocks()

        async def wait() -> None:
            async with locks.held("a"):
                raise AssertionError("never held")

        with pytest.raises(ValueError, match="broken"):
            async with locks.held("a"):
                waiter = asyncio.create_task(wait())
                await asyncio.sleep(0)
                assert locks.busy("a")
                waiter.cancel()
                await asyncio.wait({waiter})
                raise ValueError("broken")
        assert not locks.busy("a")
        assert len(locks) == 0

    asyncio.run(work())
