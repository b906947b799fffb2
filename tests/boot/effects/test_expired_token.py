"""A user's token that expires in the middle of a boot: the service user vouches, and the boot goes on."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

from engine.boot.effects import ports, volumes
from engine.boot.effects.cleanup import undo_remote
from engine.boot.effects.image_cache import ImageCache
from engine.boot.openstack import Clouds
from engine.v1 import instance_pb2 as v1
from tests.boot.effects.world import CONNECTOR, World, leftovers, world


def test_a_boot_goes_on_with_an_expired_token(tmp_path: Path) -> None:
    with world(tmp_path, token_lifetime_s=2) as short:
        short.run(lambda clouds: _boot(short, clouds, tmp_path))


async def _boot(short: World, clouds: Clouds, folder: Path) -> None:
    blank = v1.BlockDevice(
        uuid=str(uuid.uuid4()), source_type="blank", destination_type="volume", size_gb=1, boot_index=-1
    )
    instance, who = short.instance(block_devices=[blank]), short.caller()
    await asyncio.sleep(2.2)
    assert (await ImageCache(folder / "c", clouds.images).fetch(who, instance)).downloaded
    assert await ports.allocate(clouds, instance, who, "h")
    assert await volumes.attach_all(clouds, instance, who, "h", CONNECTOR, poll_interval_s=0.1)
    assert await undo_remote(clouds, instance) == []
    assert await leftovers(clouds, instance) == []
