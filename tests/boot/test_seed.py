"""The first flavors: put in once, and never again over what an operator did."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.boot.seed import seed
from engine.boot.store.flavors import list_flavors, remove_flavor
from engine.boot.store.store import Store


def test_a_new_database_gets_the_classic_flavors_once(tmp_path: Path) -> None:
    async def work() -> None:
        store = Store(f"sqlite:///{tmp_path / 'boot.db'}", durable=False)
        try:
            assert await seed(store, now=5.0)
            flavors = await store.read(list_flavors)
            assert [(item.flavor_id, item.name, item.vcpus, item.memory_mb, item.root_gb) for item in flavors] == [
                ("1", "m1.tiny", 1, 512, 1),
                ("2", "m1.small", 1, 2048, 20),
                ("3", "m1.medium", 2, 4096, 40),
                ("4", "m1.large", 4, 8192, 80),
                ("5", "m1.xlarge", 8, 16384, 160),
            ]
            assert await store.write(lambda connection: remove_flavor(connection, "1"))
            assert not await seed(store, now=6.0)
            assert len(await store.read(list_flavors)) == 4
        finally:
            store.close()

    asyncio.run(work())
