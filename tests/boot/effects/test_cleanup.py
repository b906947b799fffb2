"""Undoing everything at once, without the user's token."""

from __future__ import annotations

import asyncio
import uuid

from engine.boot.effects import ports, volumes
from engine.boot.effects.cleanup import undo_remote
from engine.boot.openstack import Clouds
from engine.v1 import instance_pb2 as v1
from tests.boot.effects.world import CONNECTOR, World, leftovers


def bootable(here: World) -> v1.Instance:
    device = v1.BlockDevice(
        uuid=str(uuid.uuid4()),
        source_type="image",
        destination_type="volume",
        image_id=here.image_id,
        size_gb=1,
        boot_index=0,
        device_name="vda",
    )
    return here.instance(block_devices=[device])


def test_all_goes_after_the_users_token_is_revoked(here: World) -> None:
    instance, who = bootable(here), here.caller()

    async def work(clouds: Clouds) -> None:
        await asyncio.gather(
            ports.allocate(clouds, instance, who, "h"), volumes.attach_all(clouds, instance, who, "h", CONNECTOR)
        )
        assert len(await leftovers(clouds, instance)) == 3
        await asyncio.to_thread(
            here.demo.delete, f"{here.cloud.options.identity_url}/auth/tokens", headers={"X-Subject-Token": who.token}
        )
        assert await undo_remote(clouds, instance) == []
        assert await leftovers(clouds, instance) == []
        assert await undo_remote(clouds, instance) == []

    here.run(work)


def test_what_is_left_is_told_for_each_service_and_goes_later(here: World) -> None:
    instance = bootable(here)

    async def work(clouds: Clouds) -> None:
        who = here.caller()
        await ports.allocate(clouds, instance, who, "h")
        await volumes.attach_all(clouds, instance, who, "h", CONNECTOR)
        here.break_down(
            {"part": "network", "point": "GET /v2.0/ports", "status": 500, "message": "no network"},
            {"part": "volume", "point": "GET /v3/attachments", "status": 500, "message": "no volumes"},
        )
        left = await undo_remote(clouds, instance)
        assert len(left) == 2
        assert "no network" in left[0]
        assert "no volumes" in left[1]
        here.break_down()
        assert await undo_remote(clouds, instance) == []
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_an_instance_of_which_nothing_was_made(here: World) -> None:
    assert here.run(lambda clouds: undo_remote(clouds, bootable(here))) == []
