"""Whether volumes may be given to a new server, and their reservation for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from engine.boot.api.cloud_errors import worded
from engine.boot.messages import Caller
from engine.boot.openstack import Clouds
from engine.boot.openstack.errors import CloudBadRequest, CloudConflict, CloudError, CloudNotFound
from engine.rest.errors import BadRequest

_LOG = logging.getLogger("berth.api")


async def check_volume(clouds: Clouds, who: Caller, volume_id: str, *, root: bool) -> dict[str, Any]:
    """Return a volume that is free to be attached; raise BadRequest, in nova's words, for any other."""
    with worded(CloudNotFound, BadRequest(f"Block Device Mapping is Invalid: failed to get volume {volume_id}.")):
        volume: dict[str, Any] = await clouds.volumes.get(who, volume_id)
    status = volume.get("status")
    shareable = status == "in-use" and volume.get("multiattach")
    if status != "available" and not shareable:
        raise BadRequest(f"Invalid volume: volume '{volume_id}' status must be 'available'. Currently in '{status}'")
    if root and str(volume.get("bootable")).lower() != "true":
        raise BadRequest(f"Block Device {volume_id} is not bootable.")
    return volume


async def reserve(clouds: Clouds, who: Caller, volume_ids: Sequence[str], instance_uuid: str) -> dict[str, str]:
    """Return the attachment made of each volume; on a failure none is left and BadRequest or the like is raised."""
    made = await asyncio.gather(
        *(_reserve(clouds, who, volume_id, instance_uuid) for volume_id in volume_ids), return_exceptions=True
    )
    failure = next((result for result in made if isinstance(result, BaseException)), None)
    attachments = {
        volume_id: result for volume_id, result in zip(volume_ids, made, strict=True) if isinstance(result, str)
    }
    if failure is not None:
        await unreserve(clouds, attachments.values())
        raise failure
    return attachments


async def unreserve(clouds: Clouds, attachment_ids: Iterable[str]) -> bool:
    """Delete attachments; return whether all are gone."""
    gone = await asyncio.gather(
        *(clouds.volumes.delete_attachment(attachment_id) for attachment_id in attachment_ids), return_exceptions=True
    )
    for result in gone:
        if isinstance(result, CloudError):
            _LOG.warning("an attachment could not be deleted yet: %s", result.message)
        elif isinstance(result, BaseException):
            raise result
    return not any(isinstance(result, CloudError) for result in gone)


async def _reserve(clouds: Clouds, who: Caller, volume_id: str, instance_uuid: str) -> str:
    refusal = BadRequest(f"Invalid volume: volume '{volume_id}' could not be reserved: it is in use.")
    with worded(CloudNotFound, BadRequest(f"Block Device Mapping is Invalid: failed to get volume {volume_id}.")):
        try:
            made = await clouds.volumes.create_attachment(who, volume_id, instance_uuid)
        except (CloudConflict, CloudBadRequest) as error:
            raise refusal from error
    return str(made["id"])
