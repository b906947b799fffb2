"""``/servers/{server}/os-volume_attachments``: volumes of a server, given and taken while it is there."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

import sqlalchemy as sa
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.callers import caller_of
from engine.boot.api.deps import Deps
from engine.boot.api.device_names import next_device_name
from engine.boot.api.field_types import STRICT, Flag
from engine.boot.api.links import PREFIX
from engine.boot.api.lookup import check_state, check_unlocked, server_in, server_name
from engine.boot.api.reservations import PATIENCE_S, claim_message, sweep_soon
from engine.boot.api.server_fields import Tag, Uuid
from engine.boot.api.server_view import device_path
from engine.boot.api.versioned import minor_of
from engine.boot.api.volume_check import check_volume, reserve
from engine.boot.messages import SCHEDULE_TOPIC, Attach, Caller, Detach, compute_topic
from engine.boot.states import VmState
from engine.boot.store.history import begin_action
from engine.boot.store.instances import (
    BlockDeviceRow,
    InstanceRow,
    add_devices,
    change_device,
    devices_of,
)
from engine.boot.store.outbox import cast
from engine.rest.access import Access
from engine.rest.errors import BadRequest, Conflict, Forbidden, NotFound, Unavailable
from engine.rest.paging import page_of
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_STATES = (VmState.ACTIVE, VmState.PAUSED, VmState.SUSPENDED, VmState.STOPPED)
_TAG_SINCE = 49
_DELETE_SINCE = 79
_MOST_DEVICES = 128


class _Attachment(BaseModel):
    model_config = STRICT

    volume_id: Uuid = Field(alias="volumeId")
    device: Annotated[str, Field(max_length=255, pattern=r"^(/dev/)?[A-Za-z0-9]+$")] | None = None
    tag: Tag | None = None
    delete_on_termination: Flag = False


class _Body(BaseModel):
    model_config = STRICT

    attachment: _Attachment = Field(alias="volumeAttachment")


def routes(deps: Deps) -> list[Route]:
    """Return the routes of servers' volumes."""
    collection = f"{PREFIX}/servers/{{server}}/os-volume_attachments"
    item = f"{collection}/{{volume}}"

    async def attached(request: Request) -> tuple[InstanceRow, list[BlockDeviceRow]]:
        """Return the server with its volumes."""
        access, name = access_of(request), server_name(request)

        def find(connection: sa.Connection) -> tuple[InstanceRow, list[BlockDeviceRow]]:
            row = server_in(connection, access, name)
            return row, [device for device in devices_of(connection, row.uuid) if device.volume_id]

        return await deps.store.read(find)

    async def index(request: Request) -> Response:
        """List a server's volumes."""
        _, devices = await attached(request)
        page = page_of(request, devices, lambda device: device.volume_id)
        return json_reply({"volumeAttachments": [_view(request, device) for device in page]})

    async def show(request: Request) -> Response:
        """Return one of a server's volumes."""
        row, devices = await attached(request)
        return json_reply({"volumeAttachment": _view(request, _named(request, row, devices))})

    async def attach(request: Request) -> Response:
        """Reserve a volume for a server and tell the server's host to attach it."""
        access_of(request).require_writer()
        given = (await body_of(request, _Body)).attachment
        for field, since in (("tag", _TAG_SINCE), ("delete_on_termination", _DELETE_SINCE)):
            if field in given.model_fields_set and minor_of(request) < since:
                raise BadRequest(
                    "Invalid input for field/attribute volumeAttachment. Additional properties are not allowed "
                    f"('{field}' was unexpected)"
                )
        device = await _attach(deps, request, given)
        return json_reply({"volumeAttachment": _view(request, device, made=True)})

    async def detach(request: Request) -> Response:
        """Tell the server's host to give a volume back."""
        access, name = access_of(request), server_name(request)
        access.require_writer()
        caller, volume_id = caller_of(request), request.path_params["volume"]
        await deps.store.write(
            lambda connection: _begin_detach(connection, access, name, caller, volume_id, now=deps.clock())
        )
        deps.conductor.wake_up()
        return empty_reply(202)

    return [
        Route(collection, index, methods=["GET"]),
        Route(collection, attach, methods=["POST"]),
        Route(item, show, methods=["GET"]),
        Route(item, detach, methods=["DELETE"]),
    ]


async def _attach(deps: Deps, request: Request, given: _Attachment) -> BlockDeviceRow:
    """Return the new device: recorded, then reserved, then cast; a crash between two of these is swept up."""
    access, name, caller = access_of(request), server_name(request), caller_of(request)
    # a server that is not there, or cannot take a volume, is told before the volume is looked at
    await deps.store.read(lambda connection: _attachable(connection, access, name, given))
    await check_volume(deps.clouds, caller, given.volume_id, root=False)
    row, device, preparation = await deps.store.write(
        lambda connection: _prepare(connection, access, name, caller, given, now=deps.clock())
    )
    try:
        made = await reserve(deps.clouds, caller, [given.volume_id], row.uuid)
        attachment_id = made[given.volume_id]
        await deps.store.write(
            lambda connection: _begin_attach(
                connection, access, name, caller, device, attachment_id, preparation, now=deps.clock()
            )
        )
    except BaseException:
        await sweep_soon(deps, preparation)
        raise
    deps.conductor.wake_up()
    return device


def _attachable(
    connection: sa.Connection, access: Access, name: str, given: _Attachment, *, lock: bool = False
) -> tuple[InstanceRow, list[BlockDeviceRow]]:
    """Return a server that can take the volume, with its devices; raise Conflict or BadRequest for others."""
    row = server_in(connection, access, name, lock=lock)
    check_unlocked(row, access)
    check_state(row, "attach_volume", vm_states=_STATES)
    if not row.host:
        raise Conflict(f"Cannot 'attach_volume' instance {row.uuid} while it is on no host")
    devices = devices_of(connection, row.uuid)
    if any(device.volume_id == given.volume_id for device in devices):
        raise BadRequest(f"Invalid volume: volume {given.volume_id} already attached")
    if len(devices) >= _MOST_DEVICES:
        raise Forbidden(f"An instance has at most {_MOST_DEVICES} block devices.")
    wanted = (given.device or "").removeprefix("/dev/")
    if wanted and any(device.device_name.removeprefix("/dev/") == wanted for device in devices):
        raise BadRequest(f"Device {given.device} is already in use on the instance.")
    return row, devices


def _prepare(
    connection: sa.Connection, access: Access, name: str, caller: Caller, given: _Attachment, *, now: float
) -> tuple[InstanceRow, BlockDeviceRow, int]:
    """Record the device, not yet reserved, and the message that takes it back should this go no further."""
    row, devices = _attachable(connection, access, name, given, lock=True)
    device = BlockDeviceRow(
        uuid=str(uuid4()),
        instance_uuid=row.uuid,
        position=max((device.position for device in devices), default=-1) + 1,
        source_type="volume",
        destination_type="volume",
        image_id="",
        volume_id=given.volume_id,
        attachment_id="",
        size_gb=0,
        boot_index=-1,
        device_name=next_device_name(row, devices, (given.device or "").removeprefix("/dev/")),
        delete_on_termination=given.delete_on_termination,
        volume_type="",
        tag=given.tag or "",
        connection_info="",
    )
    add_devices(connection, [vars(device)])
    message = Attach(instance_uuid=row.uuid, block_device_uuid=device.uuid, caller=caller)
    return row, device, cast(connection, SCHEDULE_TOPIC, message, now=now, not_before=now + PATIENCE_S)


def _begin_attach(
    connection: sa.Connection,
    access: Access,
    name: str,
    caller: Caller,
    device: BlockDeviceRow,
    attachment_id: str,
    preparation: int,
    *,
    now: float,
) -> None:
    """Record the reservation and cast the attachment to the host."""
    row = server_in(connection, access, name, lock=True)
    check_state(row, "attach_volume", vm_states=_STATES)
    if not claim_message(connection, preparation) or not row.host:
        raise Unavailable("The request took too long: its volume was given back. Ask again.")
    change_device(connection, device.uuid, {"attachment_id": attachment_id})
    _begin_action(connection, row, "attach_volume", access, caller, now)
    message = Attach(instance_uuid=row.uuid, block_device_uuid=device.uuid, caller=caller)
    cast(connection, compute_topic(row.host), message, now=now)


def _begin_detach(
    connection: sa.Connection, access: Access, name: str, caller: Caller, volume_id: str, *, now: float
) -> None:
    row = server_in(connection, access, name, lock=True)
    check_unlocked(row, access)
    device = next((device for device in devices_of(connection, row.uuid) if device.volume_id == volume_id), None)
    if device is None:
        raise NotFound(f"Instance {row.uuid} is not attached to volume {volume_id[:64]}.")
    if device.boot_index == 0:
        raise Forbidden("Cannot detach a root device volume")
    check_state(row, "detach_volume", vm_states=_STATES)
    if not row.host or not device.attachment_id:
        raise Conflict(f"Volume {volume_id} is not attached to instance {row.uuid} yet.")
    _begin_action(connection, row, "detach_volume", access, caller, now)
    message = Detach(instance_uuid=row.uuid, block_device_uuid=device.uuid, caller=caller)
    cast(connection, compute_topic(row.host), message, now=now)


def _begin_action(
    connection: sa.Connection, row: InstanceRow, action: str, access: Access, caller: Caller, now: float
) -> None:
    begin_action(
        connection,
        row.uuid,
        action,
        request_id=caller.request_id,
        user_id=access.user_id,
        project_id=access.project_id,
        now=now,
    )


def _named(request: Request, row: InstanceRow, devices: list[BlockDeviceRow]) -> BlockDeviceRow:
    """Return the device of the volume that the path names; raise NotFound."""
    volume_id = str(request.path_params["volume"])
    for device in devices:
        if device.volume_id == volume_id:
            return device
    raise NotFound(f"Instance {row.uuid} is not attached to volume {volume_id[:64]}.")


def _view(request: Request, device: BlockDeviceRow, *, made: bool = False) -> dict[str, Any]:
    """Return an attachment as the version has it; ``made``: in the answer to the request that made it."""
    minor = minor_of(request)
    view: dict[str, Any] = {
        "volumeId": device.volume_id,
        "serverId": device.instance_uuid,
        "device": device_path(device.device_name),
    }
    if made or minor < 89:
        view["id"] = device.volume_id
    if minor >= 70:
        view["tag"] = device.tag or None
    if minor >= _DELETE_SINCE:
        view["delete_on_termination"] = device.delete_on_termination
    if minor >= 89 and not made:
        view |= {"attachment_id": device.attachment_id or None, "bdm_uuid": device.uuid}
    return view
