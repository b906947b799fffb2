"""Volumes: create, list, show, change, delete."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.volume.bodies import NewVolume, NewVolumeBody, VolumeChangeBody
from engine.cloud.volume.image_source import Caller
from engine.cloud.volume.listing import ListQuery, list_query
from engine.cloud.volume.parts import Parts
from engine.cloud.volume.schema import (
    AVAILABLE,
    CREATING,
    DEFAULT_TYPE,
    DELETING,
    ERROR,
    ERROR_DELETING,
    ERROR_EXTENDING,
    IN_USE,
    ZONE,
    Volume,
    now_us,
)
from engine.cloud.volume.views import volume_summary, volume_view
from engine.rest.access import Access
from engine.rest.errors import BadRequest, NotFound
from engine.rest.paging import next_link, page_of
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, base_url, body_of, global_request_id_of, microversion_of

DELETABLE = (AVAILABLE, ERROR, ERROR_DELETING, ERROR_EXTENDING)
_NOT_DELETABLE = (
    "Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing "
    "and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated "
    "from snapshots after volume transfer."
)


def routes(parts: Parts) -> list[Route]:
    """Return the routes of volumes."""

    async def create(request: Request) -> Response:
        """Record a volume and begin to make it."""
        access = access_of(request)
        access.require_writer()
        asked = (await body_of(request, NewVolumeBody)).volume
        caller = Caller(access.token, global_request_id_of(request))
        volume = _described(parts, asked, access)
        if volume.image_id is not None:
            await parts.worker.in_thread(parts.images.get, volume.image_id, caller, volume.size)
        parts.volumes.add(volume)
        parts.worker.create(volume, caller)
        return json_reply({"volume": _full(request, parts, [volume])[0]}, 202)

    async def index(request: Request) -> Response:
        """List volumes by id and name."""
        volumes, more = _page(request, parts)
        base = base_url(request)
        return json_reply({"volumes": [volume_summary(volume, base) for volume in volumes]} | more)

    async def detail(request: Request) -> Response:
        """List volumes in full."""
        volumes, more = _page(request, parts)
        return json_reply({"volumes": _full(request, parts, volumes)} | more)

    async def summary(request: Request) -> Response:
        """Sum up the volumes a list would have."""
        query = list_query(request.query_params, access_of(request))
        volumes = parts.volumes.several(parts.volumes.ids(query.conditions, query.order))
        values: dict[str, list[str]] = {}
        for volume in volumes:
            for name, value in volume.properties.items():
                if value not in values.setdefault(name, []):
                    values[name].append(value)
        total = {"total_size": sum(volume.size for volume in volumes), "total_count": len(volumes)}
        if microversion_of(request).minor >= 36:
            return json_reply({"volume-summary": {**total, "metadata": values}})
        return json_reply({"volume-summary": total})

    async def show(request: Request) -> Response:
        """Show one volume."""
        volume = parts.volumes.get(request.path_params["volume_id"], access_of(request))
        return json_reply({"volume": _full(request, parts, [volume])[0]})

    async def change(request: Request) -> Response:
        """Change a volume's name, description or properties."""
        asked = (await body_of(request, VolumeChangeBody)).volume
        volume = writable_volume(request, parts)
        given = asked.model_fields_set
        values: dict[str, object] = {}
        for name in ("name", "description"):
            if name in given:
                values[name] = getattr(asked, name)
            elif f"display_{name}" in given:
                values[name] = getattr(asked, f"display_{name}")
        if asked.metadata is not None:
            values["properties"] = asked.metadata
        parts.volumes.change(volume.id, values)
        return json_reply({"volume": _full(request, parts, [parts.volumes.get(volume.id)])[0]})

    async def remove(request: Request) -> Response:
        """Begin to delete a volume; ``force``, for administrators, whatever it is doing."""
        volume = writable_volume(request, parts)
        force = request.query_params.get("force", "false").lower() in ("true", "1", "yes")
        if force:
            access_of(request).require_admin("volume:force_delete")
        delete_volume(parts, volume, force=force)
        return empty_reply(202)

    one = "/v3/volumes/{volume_id}"
    return [
        Route("/v3/volumes", index, methods=["GET"]),
        Route("/v3/volumes", create, methods=["POST"]),
        Route("/v3/volumes/detail", detail, methods=["GET"]),
        Route("/v3/volumes/summary", summary, methods=["GET"]),
        Route(one, show, methods=["GET"]),
        Route(one, change, methods=["PUT"]),
        Route(one, remove, methods=["DELETE"]),
    ]


def writable_volume(request: Request, parts: Parts) -> Volume:
    """Return the volume a path names, for a change; raise NotFound, or Forbidden for a caller who only reads."""
    access = access_of(request)
    volume = parts.volumes.get(request.path_params["volume_id"], access)
    access.require_writer()
    return volume


def delete_volume(parts: Parts, volume: Volume, *, force: bool) -> None:
    """Begin to delete a volume; raise BadRequest in cinder's words when its status or an attachment forbids it."""
    if volume.status == DELETING:
        return
    if not parts.volumes.begin_delete(volume.id, None if force else DELETABLE, DELETING):
        raise BadRequest(_NOT_DELETABLE)
    parts.worker.delete(parts.volumes.get(volume.id))


def _described(parts: Parts, asked: NewVolume, access: Access) -> Volume:
    """Return the volume a caller describes; raise BadRequest or NotFound when it cannot be."""
    image_id = asked.imageRef or asked.image_id or None
    if asked.snapshot_id:
        raise NotFound(f"Snapshot {asked.snapshot_id[:100]} could not be found.")
    if asked.backup_id:
        raise NotFound(f"Backup {asked.backup_id[:100]} could not be found.")
    if image_id and asked.source_volid:
        raise BadRequest("Invalid input received: a volume is made of an image or of another volume, not of both.")
    if asked.availability_zone not in (None, "", ZONE):
        raise BadRequest(f"Invalid input received: Availability zone '{asked.availability_zone}' is invalid.")
    try:
        image_id = str(uuid.UUID(image_id)) if image_id else None
    except ValueError as error:
        raise BadRequest("Invalid image identifier or unable to access requested image.") from error
    source = parts.volumes.get(asked.source_volid, access) if asked.source_volid else None
    if source is not None and source.status not in (AVAILABLE, IN_USE):
        raise BadRequest(
            f"Invalid volume: Volume {source.id} status must be available or in-use to be copied, "
            f"but the current status is {source.status}."
        )
    size = asked.size or (source.size if source is not None else None)
    if size is None:
        raise BadRequest("Invalid input received: Volume size 'None' must be an integer and greater than 0.")
    if source is not None and size < source.size:
        raise BadRequest(
            f"Invalid input received: Volume size '{size}'GB cannot be smaller than original volume size "
            f"{source.size}GB. They must be >= original volume size."
        )
    kind = parts.types.named(asked.volume_type or DEFAULT_TYPE)
    return Volume(
        id=str(uuid.uuid4()),
        project_id=access.project_id,
        user_id=access.user_id,
        name=asked.name,
        description=asked.description,
        size=size,
        status=CREATING,
        bootable=source is not None and source.bootable,
        multiattach=bool(asked.multiattach) or kind.multiattach,
        readonly=False,
        type_id=kind.id,
        image_id=image_id,
        source_volid=source.id if source is not None else None,
        properties=asked.metadata or {},
        image_properties=source.image_properties if source is not None else {},
        host=None,
        created_us=now_us(),
        updated_us=None,
    )


def _full(request: Request, parts: Parts, volumes: Sequence[Volume]) -> list[dict[str, Any]]:
    attachments = parts.attachments.of_volumes([volume.id for volume in volumes])
    types = parts.types.all()
    access, version, base = access_of(request), microversion_of(request), base_url(request)
    return [
        volume_view(volume, attachments[volume.id], types, base=base, access=access, version=version)
        for volume in volumes
    ]


def _page(request: Request, parts: Parts) -> tuple[list[Volume], dict[str, Any]]:
    """Return the page of volumes a query string asks for, and what else the listing says."""
    query: ListQuery = list_query(request.query_params, access_of(request))
    found = parts.volumes.ids(query.conditions, query.order)
    page = page_of(request, found[query.offset :], str)
    more: dict[str, Any] = {}
    if page and page[-1] != found[-1]:
        more["volumes_links"] = [{"rel": "next", "href": next_link(request, page[-1])}]
    if query.with_count and microversion_of(request).minor >= 45:
        more["count"] = len(found)
    return parts.volumes.several(page), more
