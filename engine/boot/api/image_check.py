"""Whether an image may be booted with a flavor, and what of it is kept in the instance's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.rest.errors import BadRequest

_GIB = 1024**3
_OWN_FIELDS = frozenset(
    (
        "id", "name", "status", "disk_format", "container_format", "size", "virtual_size", "min_disk", "min_ram",
        "checksum", "os_hash_algo", "os_hash_value", "visibility", "protected", "os_hidden", "owner", "tags",
        "created_at", "updated_at", "self", "file", "schema", "locations", "direct_url", "stores", "members",
    )
)  # fmt: skip
"""What glance says of every image; anything else is a property."""


def check_image(image: Mapping[str, Any], flavor: Mapping[str, Any], *, local_root: bool) -> None:
    """Raise BadRequest, in nova's words, unless the image is active and fits the flavor's memory and local disk.

    A flavor whose root disk has no size takes an image of any size.
    """
    if image.get("status") != "active":
        raise BadRequest(f"Image {image.get('id')} is not active.")
    if flavor["memory_mb"] < int(image.get("min_ram") or 0):
        raise BadRequest("Flavor's memory is too small for requested image.")
    root_gb = flavor["root_gb"]
    if not local_root or root_gb == 0:
        return
    size = int(image.get("size") or 0)
    if size > root_gb * _GIB:
        raise BadRequest(
            f"Flavor's disk is too small for requested image. Flavor disk is {root_gb * _GIB} bytes, "
            f"image is {size} bytes."
        )
    least = int(image.get("min_disk") or 0)
    if root_gb < least:
        raise BadRequest(
            "Flavor's disk is smaller than the minimum size specified in image metadata. "
            f"Flavor disk is {root_gb * _GIB} bytes, minimum size is {least * _GIB} bytes."
        )


def check_volume_size(image: Mapping[str, Any], size_gb: int) -> None:
    """Raise BadRequest when a volume to be made of an image is smaller than the image says it must be."""
    least = int(image.get("min_disk") or 0)
    if size_gb < least:
        raise BadRequest(
            "Volume is smaller than the minimum size specified in image metadata. "
            f"Volume size is {size_gb * _GIB} bytes, minimum size is {least * _GIB} bytes."
        )


def image_record(image: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the instance's record keeps of an image."""
    properties = {
        name: str(value)
        for name, value in image.items()
        if name not in _OWN_FIELDS and isinstance(value, str | int | float | bool)
    }
    return {
        "name": str(image.get("name") or ""),
        "disk_format": str(image.get("disk_format") or ""),
        "min_disk": int(image.get("min_disk") or 0),
        "min_ram": int(image.get("min_ram") or 0),
        "size": int(image.get("size") or 0),
        "properties": properties,
    }


def volume_image_record(volume: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same for a bootable volume, from what it says of the image it was made of."""
    kept = dict(volume.get("volume_image_metadata") or {})
    image = {"name": kept.pop("image_name", ""), **kept}
    return image_record({name: _number(name, value) for name, value in image.items() if name != "image_id"})


def _number(name: str, value: object) -> object:
    """Return the sizes, which cinder keeps as text, as numbers."""
    if name in ("min_disk", "min_ram", "size"):
        return int(value) if isinstance(value, str) and value.isdecimal() else 0
    return value
