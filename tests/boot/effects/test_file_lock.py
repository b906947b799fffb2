"""Locks among tasks and processes."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
from pathlib import Path

from engine.boot.effects.file_lock import FileLocks
from engine.boot.effects.image_cache import ImageCache
from engine.boot.openstack import Clouds
from tests.boot.effects.world import World


def test_a_lock_is_waited_for_and_one_that_was_removed_does_not_count(here: World, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    name = hashlib.sha512(here.image_data).hexdigest()
    folder.mkdir()

    async def work(clouds: Clouds) -> None:
        with (folder / f"{name}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fetching = asyncio.ensure_future(ImageCache(folder, clouds.images).fetch(here.caller(), here.instance()))
            await asyncio.sleep(0.3)
            assert not fetching.done()
            (folder / f"{name}.lock").unlink()
        assert (await fetching).downloaded

    here.run(work)


def test_one_at_a_time_and_forgotten_afterwards(tmp_path: Path) -> None:
    inside: list[int] = []
    most = 0

    async def user(locks: FileLocks, number: int) -> None:
        nonlocal most
        async with locks.held("name"):
            inside.append(number)
            most = max(most, len(inside))
            await asyncio.sleep(0)
            inside.remove(number)

    async def work() -> None:
        locks = FileLocks(tmp_path)
        await asyncio.gather(*(user(locks, number) for number in range(20)))
        async with locks.held("name"):
            with locks.held_if_free("name") as held:
                assert not held
        with locks.held_if_free("name") as held:
            assert held
            with FileLocks(tmp_path).held_if_free("name") as twice:
                assert not twice
            locks.discard("name")
        assert not list(tmp_path.iterdir())

    asyncio.run(work())
    assert most == 1
