"""Volumes that a boot makes itself, of an image or blank: made, found again by the block device's uuid, and deleted."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from engine.boot.effects.errors import BuildAbort
from engine.boot.messages import Caller
from engine.boot.openstack import CallTrace, CloudBadRequest, CloudConflict, CloudError, CloudNotFound, Clouds
from engine.v1 import instance_pb2 as v1

DEVICE_KEY = "berth_block_device"
"""The metadata key of such a volume: its value is the block device's uuid."""

_FIRST_PAUSE_S = 0.1
_REFUSALS = 4
# one that an earlier try reserved or attached has been available
_USABLE = frozenset({"available", "reserved", "attaching", "in-use"})
_ON_THE_WAY = frozenset({"creating", "downloading", "attaching", "detaching", "uploading", "backing-up", "extending"})


@dataclass(frozen=True)
class Patience:
    """How a new volume is waited for: asked about every ``interval_s``, sooner at first, ``attempts`` times."""

    interval_s: float = 0.5
    attempts: int = 360


def is_made(device: v1.BlockDevice) -> bool:
    """Whether the device's volume is made by the boot, not given by the user."""
    return device.destination_type == "volume" and device.source_type in ("image", "blank")


async def find(
    clouds: Clouds, instance: v1.Instance, device: v1.BlockDevice, *, trace: CallTrace | None = None
) -> list[dict[str, Any]]:
    """Return the volumes made for a device, the usable ones first; but nobody else's that only say so."""
    volumes = await clouds.volumes.list(None, all_tenants="1", metadata={DEVICE_KEY: device.uuid}, trace=trace)
    own = [
        volume
        for volume in volumes
        if (volume.get("metadata") or {}).get(DEVICE_KEY) == device.uuid
        and volume.get("os-vol-tenant-attr:tenant_id", instance.project_id) == instance.project_id
        and volume.get("status") != "deleting"
    ]
    return sorted(own, key=lambda volume: str(volume.get("status")).startswith("error"))


async def make(
    clouds: Clouds, device: v1.BlockDevice, who: Caller | None, *, trace: CallTrace | None = None
) -> dict[str, Any]:
    """Begin to make a device's volume in the user's name and return it."""
    return await clouds.volumes.create(
        who,
        {
            "size": device.size_gb,
            "imageRef": device.image_id if device.source_type == "image" else None,
            "name": "",
            "description": "",
            "volume_type": device.volume_type or None,
            "availability_zone": None,
            "metadata": {DEVICE_KEY: device.uuid},
        },
        trace=trace,
    )


async def wait_until_available(
    clouds: Clouds,
    volume: dict[str, Any],
    who: Caller | None,
    patience: Patience,
    *,
    trace: CallTrace | None = None,
) -> None:
    """Wait until a new volume can be used; raise BuildAbort in nova's words when it fails or takes too long."""
    started = time.monotonic()
    asked = 0
    pause_s = min(_FIRST_PAUSE_S, patience.interval_s)
    status = str(volume.get("status"))
    while status not in _USABLE:
        if status.startswith("error") or asked >= patience.attempts:
            raise BuildAbort(
                f"Volume {volume['id']} did not finish being created even after we waited "
                f"{int(time.monotonic() - started)} seconds or {asked} attempts. And its status is {status}."
            )
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, patience.interval_s)
        asked += 1
        try:
            status = str((await clouds.volumes.get(who, volume["id"], trace=trace)).get("status"))
        except CloudNotFound:
            status = "error_deleting"


async def delete(clouds: Clouds, volume_id: str, *, within_s: float) -> None:
    """Delete a volume, as the service user; one that is on its way to another state is waited for, then forced.

    Fine when it is gone. Raises CloudError when it is still there and not being deleted after ``within_s``.
    """
    deadline = time.monotonic() + within_s
    pause_s = _FIRST_PAUSE_S
    refused = 0
    while True:
        try:
            await clouds.volumes.delete(volume_id)
        except (CloudBadRequest, CloudConflict) as refusal:
            status = await _status(clouds, volume_id)
            if status in ("", "deleting"):
                return
            refused += status not in _ON_THE_WAY
            if refused >= _REFUSALS:
                raise
            if time.monotonic() + pause_s >= deadline:
                await _force(clouds, volume_id, refusal)
                return
        else:
            return
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 1.0)


async def _force(clouds: Clouds, volume_id: str, refusal: CloudError) -> None:
    try:
        await clouds.volumes.delete(volume_id, force=True)
    except CloudError as error:
        raise refusal from error


async def _status(clouds: Clouds, volume_id: str) -> str:
    """Return a volume's status; empty when it is gone."""
    try:
        return str((await clouds.volumes.get(None, volume_id)).get("status"))
    except CloudNotFound:
        return ""
