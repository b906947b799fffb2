"""Attaching volumes to an instance that exists, and detaching them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from engine.boot.compute.device_names import name_devices
from engine.boot.compute.stages import connector_of
from engine.boot.compute.threads import in_thread
from engine.boot.compute.tools import Tools
from engine.boot.effects import volumes
from engine.boot.effects.errors import BuildFailure
from engine.boot.libvirt.driver import DomainNotFoundError, LaunchError
from engine.boot.libvirt.guest import guest_of
from engine.boot.messages import Attach, Detach
from engine.v1 import instance_pb2

_LOG = logging.getLogger("berth.compute")
_ATTACH = "attach_volume"
_DETACH = "detach_volume"


async def attach_volume(tools: Tools, host: str, message: Attach) -> None:
    """Connect a reserved volume and give it to the guest, at once or, where the launcher cannot, from its next start.

    What cannot be done is undone and recorded as the action's error.
    """
    found = await _find(tools, host, message)
    if found is None:
        return
    instance, device = found
    error = ""
    try:
        await tools.points.reach(_ATTACH, host)
        device = await volumes.attach_one(tools.clouds, instance, device, message.caller, host, connector_of(host))
        others = [item for item in instance.block_devices if item.uuid != device.uuid]
        await _give(tools, host, instance, [*others, device])
        await volumes.complete_one(tools.clouds, device, message.caller)
    except (BuildFailure, LaunchError) as failure:
        error = failure.message
        _LOG.warning("volume %s was not attached to %s on %s: %s", device.volume_id, instance.uuid, host, error)
        await _take_back(tools, host, instance, device)
    await _finish(tools, host, _ATTACH, message, device, error)


async def detach_volume(tools: Tools, host: str, message: Detach) -> None:
    """Take a volume from the guest and give it back; one that is gone already is detached.

    Raises UndoFailed when the volume service cannot be told now: the message is to come again.
    """
    found = await _find(tools, host, message)
    if found is None:
        return
    instance, device = found
    error = ""
    try:
        await tools.points.reach(_DETACH, host)
        await _take_back(tools, host, instance, device)
    except LaunchError as failure:
        error = failure.message
        _LOG.warning("volume %s was not detached from %s on %s: %s", device.volume_id, instance.uuid, host, error)
    await _finish(tools, host, _DETACH, message, device, error)


async def _find(
    tools: Tools, host: str, message: Attach | Detach
) -> tuple[instance_pb2.Instance, instance_pb2.BlockDevice] | None:
    """Return the instance and its device, both named; None when either is gone or elsewhere: nothing is to be done."""
    instance = await tools.conductor.get_instance(message.instance_uuid)
    if instance is None or instance.host != host:
        return None
    devices = name_devices(instance.block_devices)
    del instance.block_devices[:]
    instance.block_devices.extend(devices)
    device = next((item for item in devices if item.uuid == message.block_device_uuid), None)
    return None if device is None else (instance, device)


async def _give(
    tools: Tools, host: str, instance: instance_pb2.Instance, devices: Iterable[instance_pb2.BlockDevice]
) -> None:
    """Have the guest's disks be those of ``devices``; a guest that is not there gets them when it is made anew."""
    changed = instance_pb2.Instance()
    changed.CopyFrom(instance)
    del changed.block_devices[:]
    changed.block_devices.extend(devices)
    try:
        await in_thread(tools.threads, tools.driver.update_devices, host, guest_of(changed, None))
    except DomainNotFoundError:
        _LOG.info("instance %s has no domain on %s: its next start takes its new devices", instance.uuid, host)


async def _take_back(
    tools: Tools, host: str, instance: instance_pb2.Instance, device: instance_pb2.BlockDevice
) -> None:
    """Take a device from the guest, then give its volume up."""
    await _give(tools, host, instance, [item for item in instance.block_devices if item.uuid != device.uuid])
    await volumes.detach_one(tools.clouds, instance, device)


async def _finish(
    tools: Tools,
    host: str,
    action: str,
    message: Attach | Detach,
    device: instance_pb2.BlockDevice,
    error: str,
) -> None:
    await tools.conductor.finish_action(
        message.instance_uuid,
        host,
        action,
        request_id=message.caller.request_id,
        error=error,
        block_device=device,
    )
