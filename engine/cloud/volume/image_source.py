"""Images as the source of volumes: asked of the image service with the user's token, checked, and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from keystoneauth1 import exceptions as ksa
from keystoneauth1.session import Session

from engine.cloud.volume.backend import GIB
from engine.rest.errors import BadRequest, Unavailable

_BLOCK = 1024 * 1024
_UNUSABLE = "Invalid image identifier or unable to access requested image."


@dataclass(frozen=True)
class Caller:
    """On whose behalf an image is read: the user's token (empty: the service's own) and the request's id."""

    token: str
    request_id: str


@dataclass(frozen=True)
class SourceImage:
    """What of an image matters to a volume: sizes in bytes, ``min_disk`` in GiB, and the properties it leaves there."""

    id: str
    size: int
    min_disk: int
    disk_format: str
    container_format: str
    sha512: str
    properties: dict[str, str]


class ImageSource:
    """Reads images through ``session``, the service user's; its methods block, so they run in threads."""

    def __init__(self, session: Session, *, interface: str = "public", region_name: str = "") -> None:
        self._session = session
        self._endpoint = {"service_type": "image", "interface": interface, "region_name": region_name or None}

    def get(self, image_id: str, caller: Caller, size: int) -> SourceImage:
        """Return an image that a volume of ``size`` GiB can be made of.

        Raises BadRequest in cinder's words when it cannot, and Unavailable when the image service cannot be asked.
        """
        try:
            reply = self._session.get(
                f"/v2/images/{image_id}",
                endpoint_filter=self._endpoint,
                authenticated=False,
                headers=self._headers(caller),
            )
            document: dict[str, Any] = reply.json()
            image = _image_of(document)
        except (ksa.NotFound, ksa.Forbidden, ksa.Unauthorized, ksa.BadRequest) as error:
            raise BadRequest(_UNUSABLE) from error
        except (ksa.ClientException, ValueError, KeyError, TypeError) as error:
            raise Unavailable("The image service cannot be asked for the image.") from error
        if document["status"] != "active":
            raise BadRequest(f"Invalid image: Image {image_id} is not active.")
        needed = -(-max(image.size, int(document.get("virtual_size") or 0)) // GIB)
        if needed > size:
            raise BadRequest(
                f"Invalid input received: Size of specified image {needed}GB is larger than volume size {size}GB."
            )
        if image.min_disk > size:
            raise BadRequest(
                f"Invalid input received: Volume size {size}GB cannot be smaller than the image minDisk size "
                f"{image.min_disk}GB."
            )
        return image

    def blocks(self, image_id: str, caller: Caller) -> Iterator[bytes]:
        """Yield an image's data; raise Unavailable when it cannot be had."""
        try:
            reply = self._session.get(
                f"/v2/images/{image_id}/file",
                endpoint_filter=self._endpoint,
                authenticated=False,
                headers=self._headers(caller),
                stream=True,
            )
            with reply:
                yield from reply.iter_content(_BLOCK)
        except (ksa.ClientException, OSError) as error:
            # what requests raises while the body comes is an OSError
            raise Unavailable("The image's data could not be downloaded.") from error

    def _headers(self, caller: Caller) -> dict[str, str]:
        own = self._session.get_token() or ""
        return {
            "X-Auth-Token": caller.token or own,
            "X-Service-Token": own,
            "X-OpenStack-Request-ID": caller.request_id,
        }


def _image_of(document: dict[str, Any]) -> SourceImage:
    """Return what of an image's document matters to volumes."""
    attributes = ("checksum", "container_format", "disk_format", "min_disk", "min_ram", "size")
    known = {
        *attributes,
        *("id", "name", "status", "visibility", "protected", "owner", "os_hidden", "tags", "virtual_size"),
        *("created_at", "updated_at", "self", "file", "schema", "os_hash_algo", "os_hash_value", "stores"),
        *("direct_url", "locations"),
    }
    properties = {name: value for name, value in document.items() if name not in known and isinstance(value, str)}
    return SourceImage(
        id=document["id"],
        size=int(document.get("size") or 0),
        min_disk=int(document.get("min_disk") or 0),
        disk_format=str(document["disk_format"]),
        container_format=str(document["container_format"]),
        sha512=str(document["os_hash_value"]) if document.get("os_hash_algo") == "sha512" else "",
        properties={
            **properties,
            "image_id": document["id"],
            "image_name": document.get("name") or "",
            **{name: str(document[name]) for name in attributes if document.get(name) is not None},
        },
    )
