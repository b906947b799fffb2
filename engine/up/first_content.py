"""What a new cloud begins with: an image to boot and a network to boot into, made once by its administrator."""

from __future__ import annotations

import hashlib

from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from engine.errors import ServiceUnavailableError

IMAGE_NAME = "berth-blank"
NETWORK_NAME = "berth-net"
_SUBNET = "10.64.0.0/16"
_IMAGE_BYTES = 1 << 20
_TEXT = b"A blank disk, so that there is something to boot before the first real image is uploaded.\n"


def make_first_content(admin: Session, *, region_name: str) -> list[str]:
    """Make the image and the network where they are missing, and return what was made.

    ``admin``: a session of an administrator. Raises ServiceUnavailableError when a service refuses.
    """
    try:
        made = _make_image(Adapter(admin, service_type="image", interface="public", region_name=region_name))
        return made + _make_network(Adapter(admin, service_type="network", interface="public", region_name=region_name))
    except ksa.ClientException as error:
        raise ServiceUnavailableError(f"the first image and network could not be made: {error}") from error


def _make_image(image: Adapter) -> list[str]:
    found = image.get("/v2/images", params={"name": IMAGE_NAME}).json()["images"]
    usable = [one for one in found if one["status"] == "active"]
    if usable:
        return []
    for unfinished in found:
        image.delete(f"/v2/images/{unfinished['id']}")
    blank = _TEXT.ljust(_IMAGE_BYTES, b"\0")
    wanted = {"name": IMAGE_NAME, "disk_format": "raw", "container_format": "bare", "visibility": "public"}
    made = image.post("/v2/images", json=wanted | {"min_disk": 0, "min_ram": 0}).json()
    image.put(f"/v2/images/{made['id']}/file", data=blank, headers={"Content-Type": "application/octet-stream"})
    return [f"image {IMAGE_NAME} ({_IMAGE_BYTES >> 20} MiB, sha512 {hashlib.sha512(blank).hexdigest()[:12]}...)"]


def _make_network(network: Adapter) -> list[str]:
    found = network.get("/v2.0/networks", params={"name": NETWORK_NAME}).json()["networks"]
    if not found:
        body = {"network": {"name": NETWORK_NAME, "admin_state_up": True, "shared": True}}
        found = [network.post("/v2.0/networks", json=body).json()["network"]]
    if found[0]["subnets"]:
        return []
    subnet = {"name": f"{NETWORK_NAME}-v4", "network_id": found[0]["id"], "cidr": _SUBNET, "ip_version": 4}
    network.post("/v2.0/subnets", json={"subnet": subnet})
    return [f"network {NETWORK_NAME} ({_SUBNET})"]
