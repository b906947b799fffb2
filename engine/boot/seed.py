"""What a new installation begins with: nova's classic flavors."""

from __future__ import annotations

from engine.boot.store.flavors import FlavorRow, add_first_flavors
from engine.boot.store.store import Store

_CLASSIC = (
    ("1", "m1.tiny", 1, 512, 1),
    ("2", "m1.small", 1, 2048, 20),
    ("3", "m1.medium", 2, 4096, 40),
    ("4", "m1.large", 4, 8192, 80),
    ("5", "m1.xlarge", 8, 16384, 160),
)
"""Id, name, vcpus, memory in MiB, root disk in GiB."""


async def seed(store: Store, *, now: float) -> bool:
    """Put the classic flavors into a database that has no flavor yet; return whether that was so.

    Flavors that an operator changed or removed stay as they are. ``now``: seconds since 1970 UTC.
    """
    flavors = [
        FlavorRow(
            flavor_id=flavor_id,
            name=name,
            vcpus=vcpus,
            memory_mb=memory_mb,
            root_gb=root_gb,
            ephemeral_gb=0,
            swap_mb=0,
            rxtx_factor=1.0,
            is_public=True,
            disabled=False,
            description="",
            extra_specs={},
            projects=[],
            created_at=now,
        )
        for flavor_id, name, vcpus, memory_mb, root_gb in _CLASSIC
    ]
    return await store.write(lambda connection: add_first_flavors(connection, flavors))
