"""What cinder's clients are shown of volumes and attachments, as their microversion has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.cloud.volume.schema import ATTACHED, ZONE, Attachment, Volume, VolumeType
from engine.rest.access import Access
from engine.rest.microversion import Microversion


def when(moment_us: int | None) -> str | None:
    """Return a time as cinder prints it."""
    if moment_us is None:
        return None
    return datetime.fromtimestamp(moment_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def links_of(base: str, volume_id: str) -> list[dict[str, str]]:
    """Return the links to a volume."""
    return [
        {"rel": "self", "href": f"{base}/v3/volumes/{volume_id}"},
        {"rel": "bookmark", "href": f"{base}/volumes/{volume_id}"},
    ]


def volume_summary(volume: Volume, base: str) -> dict[str, Any]:
    """Return a volume as the short list has it."""
    return {"id": volume.id, "name": volume.name, "links": links_of(base, volume.id)}


def volume_view(
    volume: Volume,
    attachments: Sequence[Attachment],
    types: Mapping[str, VolumeType],
    *,
    base: str,
    access: Access,
    version: Microversion,
) -> dict[str, Any]:
    """Return a volume in full."""
    shown: dict[str, Any] = {
        "id": volume.id,
        "status": volume.status,
        "size": volume.size,
        "availability_zone": ZONE,
        "created_at": when(volume.created_us),
        "updated_at": when(volume.updated_us),
        "name": volume.name,
        "description": volume.description,
        "volume_type": types[volume.type_id].name,
        "snapshot_id": None,
        "source_volid": volume.source_volid,
        "metadata": {**volume.properties, **({"readonly": "True"} if volume.readonly else {})},
        "links": links_of(base, volume.id),
        "user_id": volume.user_id,
        "bootable": "true" if volume.bootable else "false",
        "encrypted": False,
        "replication_status": None,
        "consistencygroup_id": None,
        "multiattach": volume.multiattach,
        "attachments": [_use(attachment, access) for attachment in attachments if attachment.status == ATTACHED],
        "os-vol-tenant-attr:tenant_id": volume.project_id,
    }
    if volume.image_properties:
        shown["volume_image_metadata"] = volume.image_properties
    if access.is_admin:
        shown |= {
            "migration_status": None,
            "os-vol-mig-status-attr:migstat": None,
            "os-vol-mig-status-attr:name_id": None,
            "os-vol-host-attr:host": volume.host,
        }
    later: tuple[tuple[int, str, object], ...] = (
        (13, "group_id", None),
        (48, "shared_targets", False),
        (48, "service_uuid", None),
        (63, "volume_type_id", volume.type_id),
        (65, "consumes_quota", True),
    )
    return shown | {name: value for since, name, value in later if version.minor >= since}


def _use(attachment: Attachment, access: Access) -> dict[str, Any]:
    """Return an attachment as its volume shows it; on which host, only administrators see."""
    connector = attachment.connector or {}
    return {
        "id": attachment.volume_id,
        "attachment_id": attachment.id,
        "volume_id": attachment.volume_id,
        "server_id": attachment.instance_id,
        "host_name": connector.get("host") if access.is_admin or access.is_service else None,
        "device": connector.get("mountpoint"),
        "attached_at": when(attachment.attached_us),
    }


def attachment_summary(attachment: Attachment) -> dict[str, Any]:
    """Return an attachment as the short list has it."""
    return {
        "id": attachment.id,
        "status": attachment.status,
        "instance": attachment.instance_id,
        "volume_id": attachment.volume_id,
    }


def attachment_view(attachment: Attachment, path: Path) -> dict[str, Any]:
    """Return an attachment in full; ``path``: the volume's file."""
    return {
        **attachment_summary(attachment),
        "attached_at": when(attachment.attached_us) or "",
        "detached_at": "",
        "attach_mode": attachment.mode if attachment.status == ATTACHED else "null",
        "connection_info": {} if attachment.connector is None else _connection_info(attachment, path),
    }


def _connection_info(attachment: Attachment, path: Path) -> dict[str, Any]:
    """Return how a host reaches the volume, in the flat form in which cinder's attachments have it."""
    return {
        "device_path": str(path),
        "qos_specs": None,
        "access_mode": attachment.mode,
        "encrypted": False,
        "cacheable": False,
        "driver_volume_type": "local",
        "attachment_id": attachment.id,
        "enforce_multipath": False,
    }


def type_view(kind: VolumeType) -> dict[str, Any]:
    """Return a volume type."""
    return {
        "id": kind.id,
        "name": kind.name,
        "is_public": kind.is_public,
        "description": kind.description,
        "extra_specs": kind.extra_specs,
        "qos_specs_id": None,
        "os-volume-type-access:is_public": kind.is_public,
    }
