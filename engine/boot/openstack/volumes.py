"""The block storage service as a boot uses it: cinder v3, real or embedded."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from engine.boot.messages import Caller
from engine.boot.openstack.errors import CloudError, CloudNotFound
from engine.boot.openstack.service import Call, Filter, Service, path_of
from engine.boot.openstack.trace import CallTrace

_SERVICE = "block-storage"
VOLUME_HEADERS = {"OpenStack-API-Version": "volume 3.44"}
"""The microversion that every call speaks: the first with ``os-complete``."""


class Volumes:
    """Calls to the block storage service; ``who`` None is the service user."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def get(self, who: Caller | None, volume_id: str, *, trace: CallTrace | None = None) -> dict[str, Any]:
        """Return a volume; raises CloudNotFound."""
        return await self._service.one_of(
            Call(who, "GET", path_of("volumes", volume_id, service=_SERVICE), trace=trace), "volume"
        )

    async def list(
        self, who: Caller | None, *, trace: CallTrace | None = None, **filters: Filter
    ) -> list[dict[str, Any]]:
        """Return the volumes that match cinder's filters, ``metadata`` given as a dictionary."""
        return await self._service.all_of(Call(who, "GET", "/volumes/detail", filters, trace=trace), "volumes")

    async def create(
        self, who: Caller | None, body: Mapping[str, Any], *, trace: CallTrace | None = None
    ) -> dict[str, Any]:
        """Begin to make a volume of the attributes in ``body`` and return it, still ``creating``."""
        return await self._service.one_of(
            Call(who, "POST", "/volumes", body={"volume": dict(body)}, trace=trace), "volume"
        )

    async def delete(
        self, volume_id: str, *, force: bool = False, request_id: str = "", trace: CallTrace | None = None
    ) -> None:
        """Begin to delete a volume; fine when it is gone. ``force``: whatever state it is in."""
        path = path_of("volumes", volume_id, service=_SERVICE)
        params = {"force": "True"} if force else {}
        await self._delete(Call(None, "DELETE", path, params, request_id=request_id, trace=trace))

    async def create_attachment(
        self,
        who: Caller | None,
        volume_id: str,
        instance_id: str,
        connector: Mapping[str, Any] | None = None,
        *,
        trace: CallTrace | None = None,
    ) -> dict[str, Any]:
        """Reserve a volume for an instance, and attach it at once when a connector is given; return the attachment."""
        body = {
            "attachment": {
                "volume_uuid": volume_id,
                "connector": dict(connector) if connector else None,
                "instance_uuid": instance_id,
            }
        }
        return await self._service.one_of(Call(who, "POST", "/attachments", body=body, trace=trace), "attachment")

    async def update_attachment(
        self,
        who: Caller | None,
        attachment_id: str,
        connector: Mapping[str, Any],
        *,
        trace: CallTrace | None = None,
    ) -> dict[str, Any]:
        """Say from where a volume will be used and return how to: ``{"driver_volume_type", "data"}``."""
        path = path_of("attachments", attachment_id, service=_SERVICE)
        body = {"attachment": {"connector": dict(connector)}}
        attachment = await self._service.one_of(Call(who, "PUT", path, body=body, trace=trace), "attachment")
        return connection_info_of(attachment)

    async def complete_attachment(
        self, who: Caller | None, attachment_id: str, *, trace: CallTrace | None = None
    ) -> None:
        """Say that the hypervisor has taken the volume: it becomes ``in-use``."""
        path = path_of("attachments", attachment_id, "action", service=_SERVICE)
        await self._service.json(
            Call(who, "POST", path, body={"os-complete": None}, repeatable=True, trace=trace),
        )

    async def delete_attachment(
        self, attachment_id: str, *, request_id: str = "", trace: CallTrace | None = None
    ) -> None:
        """Give a volume up; fine when the attachment is gone."""
        path = path_of("attachments", attachment_id, service=_SERVICE)
        await self._delete(Call(None, "DELETE", path, request_id=request_id, trace=trace))

    async def list_attachments(
        self, instance_id: str = "", *, trace: CallTrace | None = None
    ) -> builtins.list[dict[str, Any]]:
        """Return the attachments of an instance, whoever's they are; of all instances when none is named."""
        filters: dict[str, Filter] = {"instance_id": instance_id or None, "all_tenants": "1"}
        return await self._service.all_of(Call(None, "GET", "/attachments", filters, trace=trace), "attachments")

    async def _delete(self, call: Call) -> None:
        try:
            await self._service.json(call)
        except CloudNotFound:
            return


def connection_info_of(attachment: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attachment's connection info with its details under ``data``, where cinder shows them flat."""
    info = attachment.get("connection_info")
    kind = info.get("driver_volume_type") if isinstance(info, dict) else None
    if not isinstance(info, dict) or not isinstance(kind, str) or not kind:
        raise CloudError("The block-storage service answered without connection info.", service=_SERVICE)
    data = info.get("data")
    if not isinstance(data, dict):
        data = {name: value for name, value in info.items() if name != "driver_volume_type"}
    return {"driver_volume_type": kind, "data": data}
