"""Messages by which the API cleans up behind requests: deletes without a host, ERROR without one, broken requests.

A Delete on the scheduler's topic says no more than "look at this instance": its record tells what is to be done. An
Attach there stands for an attachment to a running instance that was begun and perhaps never recorded.
"""

from __future__ import annotations

import sqlalchemy as sa

from engine.boot.api.deps import Deps
from engine.boot.api.reservations import claim_message
from engine.boot.api.volume_check import unreserve
from engine.boot.conductor.allocations import Allocations
from engine.boot.conductor.deletion import Deletion
from engine.boot.effects.cleanup import undo_remote
from engine.boot.messages import SCHEDULE_TOPIC, Attach, Delete
from engine.boot.states import TaskState, VmState
from engine.boot.store.instances import (
    BlockDeviceRow,
    InstanceRow,
    change_device,
    devices_of,
    get_instance,
    remove_device,
)
from engine.boot.store.outbox import acknowledge, cast
from engine.errors import ServiceUnavailableError
from engine.v1.instance_pb2 import Instance


class Sweeping:
    """Takes such messages to their end; raises EngineError when a service is away: then they are to be tried again."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._allocations = Allocations(deps.scheduler)

        async def undo(instance: Instance, failed_build: bool) -> list[str]:
            """Take back what an instance left at other services."""
            return await undo_remote(deps.clouds, instance, failed_build=failed_build)

        self._deletion = Deletion(deps.store, self._allocations, undo, deps.clock)

    def close(self) -> None:
        """Give the threads up."""
        self._allocations.close()

    async def sweep(self, number: int, message: Delete) -> None:
        """Clean up behind an instance as its record asks for."""
        uuid = message.instance_uuid
        row, devices = await self._deps.store.read(lambda connection: _found(connection, uuid))
        if row is None:
            await self._forget_request(number, message)
            return
        if not row.deleted and not row.host:
            if row.task_state == TaskState.DELETING:
                if not await self._deletion.finish_without_host(uuid, ""):
                    raise ServiceUnavailableError(f"instance {uuid}: not everything of it could be taken back yet")
            elif row.vm_state == VmState.ERROR:
                await self._release(uuid, devices)
        await self._deps.store.write(lambda connection: acknowledge(connection, [number]))

    async def sweep_attachment(self, number: int, message: Attach) -> None:
        """Take back a reservation whose request ended before it was recorded."""
        taken = await self._deps.store.write(lambda connection: self._take_unrecorded(connection, number, message))
        if taken is None:
            await self._deps.store.write(lambda connection: acknowledge(connection, [number]))
            return
        renewed, device = taken
        attachments = await self._deps.clouds.volumes.list_attachments(message.instance_uuid)
        await self._unreserve([str(one["id"]) for one in attachments if one.get("volume_id") == device.volume_id])

        def forget(connection: sa.Connection) -> None:
            remove_device(connection, device.uuid)
            acknowledge(connection, [renewed])

        await self._deps.store.write(forget)

    async def _forget_request(self, number: int, message: Delete) -> None:
        """Take back what a request without a record reserved; from here on it can make no record any more."""
        renewed = await self._deps.store.write(lambda connection: self._renew(connection, number, message))
        if renewed is None:
            return
        attachments = await self._deps.clouds.volumes.list_attachments(message.instance_uuid)
        await self._unreserve([str(attachment["id"]) for attachment in attachments])
        await self._deps.store.write(lambda connection: acknowledge(connection, [renewed]))

    def _renew(self, connection: sa.Connection, number: int, message: Delete) -> int | None:
        """Put the message under a new number, so that the request finds its own gone; None when it was in time."""
        if get_instance(connection, message.instance_uuid, deleted=True) is not None:
            return None
        if not claim_message(connection, number):
            return None
        now = self._deps.clock()
        return cast(connection, SCHEDULE_TOPIC, message, now=now, not_before=now + 1)

    def _take_unrecorded(
        self, connection: sa.Connection, number: int, message: Attach
    ) -> tuple[int, BlockDeviceRow] | None:
        """Return the device whose attachment was never recorded, and the message's new number, as ``_renew`` does."""
        devices = devices_of(connection, message.instance_uuid)
        device = next((one for one in devices if one.uuid == message.block_device_uuid), None)
        if device is None or device.attachment_id or not claim_message(connection, number):
            return None
        now = self._deps.clock()
        return cast(connection, SCHEDULE_TOPIC, message, now=now, not_before=now + 1), device

    async def _release(self, uuid: str, devices: list[BlockDeviceRow]) -> None:
        """Give back what an instance in ERROR without a host may hold: its allocation and its reserved volumes."""
        await self._allocations.release(uuid)
        reserved = [device for device in devices if device.attachment_id]
        if not reserved:
            return
        await self._unreserve([device.attachment_id for device in reserved])

        def forget(connection: sa.Connection) -> None:
            for device in reserved:
                change_device(connection, device.uuid, {"attachment_id": ""})

        await self._deps.store.write(forget)

    async def _unreserve(self, attachment_ids: list[str]) -> None:
        if not await unreserve(self._deps.clouds, attachment_ids):
            raise ServiceUnavailableError("reserved volumes could not be given back yet")


def _found(connection: sa.Connection, uuid: str) -> tuple[InstanceRow | None, list[BlockDeviceRow]]:
    return get_instance(connection, uuid, deleted=True), devices_of(connection, uuid)
