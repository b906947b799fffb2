"""The volumes of an instance: made where asked for, attached to its host, and given back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.boot.effects import made_volumes
from engine.boot.effects.errors import BuildAbort, UndoFailed, failure_of
from engine.boot.effects.made_volumes import Patience
from engine.boot.effects.together import all_settled
from engine.boot.messages import Caller
from engine.boot.openstack import CallTrace, CloudBadRequest, CloudError, CloudNotFound, Clouds, CloudUnreachable
from engine.v1 import instance_pb2 as v1

OnChange = Callable[[v1.BlockDevice], Awaitable[None]]
"""Told of each block device as it gains a volume or an attachment."""

_DELETE_WITHIN_S = 30.0


@dataclass(frozen=True)
class _Build:
    """For which instance, for whom and where volumes are wanted."""

    clouds: Clouds
    instance: v1.Instance
    who: Caller | None
    connector: Mapping[str, Any]
    patience: Patience
    resume: bool
    on_change: OnChange | None
    trace: CallTrace | None

    async def changed(self, device: v1.BlockDevice) -> None:
        """Tell of a device's new volume or attachment."""
        if self.on_change is not None:
            await self.on_change(device)


async def attach_all(
    clouds: Clouds,
    instance: v1.Instance,
    who: Caller | None,
    host: str,
    connector: Mapping[str, Any],
    *,
    resume: bool = False,
    poll_interval_s: float = 0.5,
    poll_attempts: int = 360,
    on_change: OnChange | None = None,
    trace: CallTrace | None = None,
) -> list[v1.BlockDevice]:
    """Return the instance's block devices, in order, each volume made if need be and with its connection info.

    ``connector``: what the volume service is told of ``host``. ``resume``: what an interrupted try made is taken over.
    When one fails, attachments and volumes made are undone before BuildAbort is raised. ``complete_all`` comes once the
    hypervisor has the volumes.
    """
    if not any(device.destination_type == "volume" for device in instance.block_devices):
        return list(instance.block_devices)
    patience = Patience(poll_interval_s, poll_attempts)
    told = {**connector, "host": host}
    build = _Build(clouds, instance, who, told, patience, resume, on_change, trace)
    try:
        attached = await _attachments_by_volume(build) if resume else {}
        return await all_settled(_ready(build, device, attached) for device in instance.block_devices)
    except CloudError as error:
        await _roll_back(build)
        raise failure_of("volume", error) from error
    except BuildAbort:
        await _roll_back(build)
        raise
    except (KeyError, TypeError) as error:
        await _roll_back(build)
        raise BuildAbort(f"The block-storage service answered in a form that is not cinder's: {error!r}.") from error


async def complete_all(
    clouds: Clouds, instance: v1.Instance, who: Caller | None, *, trace: CallTrace | None = None
) -> None:
    """Tell the volume service that the hypervisor has the instance's volumes; raises BuildAbort. May be repeated."""
    try:
        await all_settled(
            clouds.volumes.complete_attachment(who, device.attachment_id, trace=trace)
            for device in instance.block_devices
            if device.attachment_id
        )
    except CloudError as error:
        raise failure_of("volume", error) from error


async def attach_one(
    clouds: Clouds,
    instance: v1.Instance,
    device: v1.BlockDevice,
    who: Caller | None,
    host: str,
    connector: Mapping[str, Any],
    *,
    trace: CallTrace | None = None,
) -> v1.BlockDevice:
    """Return the device of a running instance with its attachment and connection info; raises BuildAbort.

    ``complete_one`` comes once the guest has it, ``detach_one`` when it cannot have it.
    """
    build = _Build(clouds, instance, who, {**connector, "host": host}, Patience(), True, None, trace)
    try:
        return await _ready(build, device, await _attachments_by_volume(build))
    except CloudError as error:
        raise failure_of("volume", error) from error


async def complete_one(
    clouds: Clouds, device: v1.BlockDevice, who: Caller | None, *, trace: CallTrace | None = None
) -> None:
    """Tell the volume service that a running guest has a volume; raises BuildAbort. May be repeated."""
    try:
        await clouds.volumes.complete_attachment(who, device.attachment_id, trace=trace)
    except CloudError as error:
        raise failure_of("volume", error) from error


async def detach_one(clouds: Clouds, instance: v1.Instance, device: v1.BlockDevice) -> None:
    """Give up the volume of a device, as the service user; the volume stays. Raises UndoFailed. May be repeated."""
    try:
        attachments = await clouds.volumes.list_attachments(instance.uuid)
    except CloudError as error:
        raise UndoFailed([_left("the attachments", instance, error)]) from error
    ids = {attachment["id"] for attachment in attachments if attachment.get("volume_id") == device.volume_id}
    await _each_undone(instance, {f"attachment {name}": clouds.volumes.delete_attachment(name) for name in sorted(ids)})


async def release(
    clouds: Clouds, instance: v1.Instance, *, failed_build: bool, delete_within_s: float = _DELETE_WITHIN_S
) -> None:
    """Give up all attachments of an instance and delete the volumes that go with it, as the service user.

    After a failed build those go that were made for it, and none that the user gave; else those marked to be deleted on
    termination. Attachments and volumes of which no record tells are found by the instance's and the devices' uuids. A
    volume still being made is waited for up to ``delete_within_s``. Raises UndoFailed. May be repeated.
    """
    devices = [device for device in instance.block_devices if device.destination_type == "volume"]
    if not devices:
        return
    try:
        attachments = await clouds.volumes.list_attachments(instance.uuid)
    except CloudError as error:
        raise UndoFailed([_left("the attachments", instance, error)]) from error
    ids = {attachment["id"] for attachment in attachments} | {
        device.attachment_id for device in devices if device.attachment_id
    }
    problems: list[str] = []
    try:
        await _each_undone(
            instance, {f"attachment {name}": clouds.volumes.delete_attachment(name) for name in sorted(ids)}
        )
    except UndoFailed as error:
        problems += error.problems
    try:
        doomed = await _doomed(clouds, instance, devices, failed_build=failed_build)
        await _each_undone(
            instance,
            {f"volume {name}": made_volumes.delete(clouds, name, within_s=delete_within_s) for name in sorted(doomed)},
        )
    except CloudError as error:
        problems.append(_left("the volumes", instance, error))
    except UndoFailed as error:
        problems += error.problems
    if problems:
        raise UndoFailed(problems)


async def _doomed(
    clouds: Clouds, instance: v1.Instance, devices: list[v1.BlockDevice], *, failed_build: bool
) -> set[str]:
    """Return the ids of the volumes that go with the instance."""
    doomed: set[str] = set()
    unsure: list[v1.BlockDevice] = []
    for device in devices:
        made = made_volumes.is_made(device)
        if not (made if failed_build else device.delete_on_termination):
            continue
        if device.volume_id:
            doomed.add(device.volume_id)
        if made and (failed_build or not device.volume_id):
            # a build that was cut short may have made one, or two, of which it could not tell
            unsure.append(device)
    for found in await all_settled(made_volumes.find(clouds, instance, device) for device in unsure):
        doomed |= {volume["id"] for volume in found}
    return doomed


async def _roll_back(build: _Build) -> None:
    """Undo; what cannot be undone now is found again by whoever undoes the whole build."""
    try:
        # a volume that is stuck is left to the undoing of the build, so that the failure is known soon
        await release(build.clouds, build.instance, failed_build=True, delete_within_s=1.0)
    except UndoFailed:
        return


async def _ready(build: _Build, device: v1.BlockDevice, attached: Mapping[str, dict[str, Any]]) -> v1.BlockDevice:
    """Return a device with its volume, attachment and connection info."""
    ready = v1.BlockDevice()
    ready.CopyFrom(device)
    if ready.destination_type != "volume":
        return ready
    if made_volumes.is_made(ready):
        await _give_volume(build, ready)
    await _attach(build, ready, attached)
    return ready


async def _give_volume(build: _Build, device: v1.BlockDevice) -> None:
    """Have the device's own volume made, or take over one made earlier, and wait until it can be used."""
    clouds, who = build.clouds, build.who
    volume: dict[str, Any] | None = None
    if build.resume:
        found = await made_volumes.find(clouds, build.instance, device, trace=build.trace)
        volume = found[0] if found else None
    if volume is None:
        volume = await made_volumes.make(clouds, device, who, trace=build.trace)
    if device.volume_id != volume["id"]:
        device.volume_id = volume["id"]
        # an attachment of before was another volume's
        device.attachment_id = ""
        await build.changed(device)
    await made_volumes.wait_until_available(clouds, volume, who, build.patience, trace=build.trace)


async def _attach(build: _Build, device: v1.BlockDevice, attached: Mapping[str, dict[str, Any]]) -> None:
    """Attach the device's volume to the host and note how it is reached."""
    volumes = build.clouds.volumes
    if not device.attachment_id and device.volume_id in attached:
        device.attachment_id = attached[device.volume_id]["id"]
    connector = dict(build.connector)
    if device.device_name:
        connector["mountpoint"] = "/dev/" + device.device_name.removeprefix("/dev/")
    info: dict[str, Any] | None = None
    if device.attachment_id:
        try:
            info = await _updated(build, device, connector)
        except CloudNotFound:
            # the undoing of an attempt on another host gave up the reservation of this volume
            device.attachment_id = ""
    if info is None:
        made = await volumes.create_attachment(build.who, device.volume_id, build.instance.uuid, trace=build.trace)
        device.attachment_id = made["id"]
        await build.changed(device)
        info = await _updated(build, device, connector)
    device.connection_info_json = json.dumps(info, separators=(",", ":"))


async def _updated(build: _Build, device: v1.BlockDevice, connector: dict[str, Any]) -> dict[str, Any]:
    try:
        return await build.clouds.volumes.update_attachment(
            build.who, device.attachment_id, connector, trace=build.trace
        )
    except (CloudUnreachable, CloudBadRequest) as error:
        raise BuildAbort(
            f"Unable to update attachment ({error.message}).", explanation=f"attachment {device.attachment_id}"
        ) from error


async def _attachments_by_volume(build: _Build) -> dict[str, dict[str, Any]]:
    """Return what of the instance is attached already."""
    attachments = await build.clouds.volumes.list_attachments(build.instance.uuid, trace=build.trace)
    return {str(attachment.get("volume_id")): attachment for attachment in attachments}


async def _each_undone(instance: v1.Instance, works: Mapping[str, Awaitable[None]]) -> None:
    """Do all works together; raise UndoFailed that says which failed, by name."""
    outcomes = await asyncio.gather(*works.values(), return_exceptions=True)
    problems = []
    for what, outcome in zip(works, outcomes, strict=True):
        if isinstance(outcome, CloudError):
            problems.append(_left(what, instance, outcome))
        elif isinstance(outcome, BaseException):
            raise outcome
    if problems:
        raise UndoFailed(problems)


def _left(what: str, instance: v1.Instance, error: CloudError) -> str:
    return f"{what} of instance {instance.uuid} could not be undone: {error.message}"
