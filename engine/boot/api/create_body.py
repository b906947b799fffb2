"""The body of ``POST /servers``: its fields, their sizes, and the version from which each may be given."""

from __future__ import annotations

import base64
import binascii
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from engine.boot.api.field_types import Flag
from engine.boot.api.server_fields import Count, MetadataItems, OptionalSize, Tag, Uuid
from engine.rest.errors import BadRequest
from engine.rest.microversion import Microversion

USER_DATA_MOST = 65_535
MOST_DEVICES = 128
MOST_NETWORKS = 64
MOST_HINTS = 64

_SINCE = {"description": 19, "tags": 52, "host": 74, "hypervisor_hostname": 74, "hostname": 90}
_NETWORK_TAG_SINCE = 32
_DEVICE_SINCE = {"tag": 32, "volume_type": 67}
NETWORKS_REQUIRED_SINCE = Microversion(2, 37)


def _name(value: str) -> str:
    """Return a server's name: what is printable, without the spaces around it."""
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value):
        raise ValueError("it must be printable text")
    stripped = value.strip()
    if not stripped:
        raise ValueError("it must hold more than spaces")
    return stripped


def _user_data(value: str) -> str:
    """Return user data as it was given; raise ValueError unless it is base64."""
    try:
        base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is not a 'base64'") from error
    return value


ServerName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_name)]
Hostname = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$")]
Description = Annotated[str, Field(max_length=255)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class NetworkBody(_Body):
    """A network or a port that the user asks for."""

    uuid: Uuid | None = None
    port: Uuid | None = None
    fixed_ip: Annotated[str, Field(max_length=64)] | None = None
    tag: Tag | None = None


class DeviceBody(_Body):
    """A block device that the user asks for; sizes are GiB."""

    source_type: Literal["image", "volume", "blank", "snapshot"]
    destination_type: Literal["local", "volume"] | None = None
    uuid: Annotated[str, Field(max_length=36)] | None = None
    boot_index: Annotated[int | None, BeforeValidator(lambda value: _boot_index(value))] = None
    volume_size: OptionalSize = None
    delete_on_termination: Flag = False
    device_name: Annotated[str, Field(max_length=255, pattern=r"^(/dev/)?[A-Za-z0-9]*$")] | None = None
    device_type: Annotated[str, Field(max_length=255)] | None = None
    disk_bus: Annotated[str, Field(max_length=255)] | None = None
    guest_format: Annotated[str, Field(max_length=255)] | None = None
    volume_type: Annotated[str, Field(max_length=255)] | None = None
    no_device: bool | str | None = None
    tag: Tag | None = None


class SecurityGroupBody(_Body):
    """A security group, by name or uuid."""

    name: Annotated[str, Field(min_length=1, max_length=255)]


class ServerBody(_Body):
    """What is under ``server``."""

    name: ServerName
    flavor_ref: Annotated[str, Field(min_length=1, max_length=1024)] | Annotated[int, Field(ge=0, lt=2**63)] = Field(
        alias="flavorRef"
    )
    image_ref: Annotated[str, Field(max_length=1024)] | None = Field(default=None, alias="imageRef")
    networks: Annotated[list[NetworkBody], Field(max_length=MOST_NETWORKS)] | Literal["auto", "none"] | None = None
    block_device_mapping_v2: Annotated[list[DeviceBody], Field(max_length=MOST_DEVICES)] = []
    min_count: Count | None = None
    max_count: Count | None = None
    return_reservation_id: Flag = False
    availability_zone: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    host: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    hypervisor_hostname: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    key_name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    metadata: MetadataItems = {}
    security_groups: Annotated[list[SecurityGroupBody], Field(max_length=64)] = []
    user_data: Annotated[str, Field(max_length=USER_DATA_MOST), AfterValidator(_user_data)] | None = None
    config_drive: Flag | None = None
    description: Description | None = None
    tags: Annotated[list[Tag], Field(max_length=50)] = []
    hostname: Hostname | None = None
    admin_pass: Annotated[str, Field(max_length=255)] | None = Field(default=None, alias="adminPass")
    disk_config: Literal["AUTO", "MANUAL"] = Field(default="MANUAL", alias="OS-DCF:diskConfig")


class CreateBody(BaseModel):
    """The whole body; scheduler hints stand beside ``server``, under either of their two keys."""

    model_config = ConfigDict(strict=True, extra="forbid")

    server: ServerBody
    hints: Annotated[dict[str, Any], Field(max_length=MOST_HINTS)] = Field(
        default_factory=dict, alias="os:scheduler_hints"
    )
    ext_hints: Annotated[dict[str, Any], Field(max_length=MOST_HINTS)] = Field(
        default_factory=dict, alias="OS-SCH-HNT:scheduler_hints"
    )

    def scheduler_hints(self) -> dict[str, list[str]]:
        """Return every hint's values as text; raise BadRequest for a value that is no text, number or list of them."""
        found: dict[str, list[str]] = {}
        for name, value in {**self.ext_hints, **self.hints}.items():
            values = value if isinstance(value, list) else [] if value is None else [value]
            if len(name) > 255 or not all(isinstance(item, str | int | float) for item in values) or len(values) > 1000:
                raise BadRequest(f"Invalid input for field/attribute {name[:100]}. It must be text or a list of texts.")
            found[name] = [str(item) for item in values]
        return found


def check_version(body: ServerBody, version: Microversion) -> None:
    """Raise BadRequest for a field that the request's version does not have, or one that it needs and lacks."""
    minor = version.minor
    unexpected = [name for name in body.model_fields_set if _SINCE.get(name, 0) > minor]
    if isinstance(body.networks, list) and minor < _NETWORK_TAG_SINCE:
        unexpected += ["tag" for network in body.networks if network.tag is not None]
    for device in body.block_device_mapping_v2:
        unexpected += [name for name in device.model_fields_set if _DEVICE_SINCE.get(name, 0) > minor]
    if unexpected:
        raise BadRequest(
            f"Invalid input for field/attribute server. Additional properties are not allowed "
            f"('{min(unexpected)}' was unexpected)"
        )
    if version >= NETWORKS_REQUIRED_SINCE:
        if body.networks is None:
            raise BadRequest("Invalid input for field/attribute server. 'networks' is a required property")
    elif isinstance(body.networks, str):
        raise BadRequest(
            f"Invalid input for field/attribute networks. Value: {body.networks}. "
            f"'{body.networks}' is not of type 'array'"
        )


def _boot_index(value: object) -> object:
    """Return a boot index, which clients send as a number, as text, or as None for a device not booted from."""
    if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 6:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -1_000 < value < 1_000:
        raise ValueError("it must be a number of at most three digits")
    return value
