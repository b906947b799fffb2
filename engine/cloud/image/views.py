"""What glance's clients are shown of images and of the projects they are shared with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from engine.cloud.image.schema import Image, Member


def image_view(image: Image) -> dict[str, Any]:
    """Return an image as glance shows it: properties stand beside the attributes."""
    path = f"/v2/images/{image.id}"
    return {
        **image.properties,
        "name": image.name,
        "disk_format": image.disk_format,
        "container_format": image.container_format,
        "visibility": image.visibility,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "status": image.status,
        "checksum": image.checksum,
        "protected": image.protected,
        "min_ram": image.min_ram,
        "min_disk": image.min_disk,
        "owner": image.owner,
        "os_hidden": image.os_hidden,
        "os_hash_algo": "sha512" if image.os_hash_value else None,
        "os_hash_value": image.os_hash_value,
        "id": image.id,
        "created_at": when(image.created_us),
        "updated_at": when(image.updated_us),
        "tags": image.tags,
        "self": path,
        "file": f"{path}/file",
        "schema": "/v2/schemas/image",
    }


def member_view(member: Member) -> dict[str, Any]:
    """Return one project an image is shared with."""
    return {
        "image_id": member.image_id,
        "member_id": member.member_id,
        "status": member.status,
        "created_at": when(member.created_us),
        "updated_at": when(member.updated_us),
        "schema": "/v2/schemas/member",
    }


def when(moment_us: int) -> str:
    """Return a time as glance prints it."""
    return datetime.fromtimestamp(moment_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
