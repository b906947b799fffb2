"""What callers may send about volumes and attachments."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MOST_GIB = 2**31 - 1


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


def _uuid(text: str) -> str:
    return str(UUID(text))


def _digits(value: object) -> object:
    """Return the number that a string of digits stands for, which cinder takes as well."""
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) <= 10 else value


Name = Annotated[str, Field(max_length=255), AfterValidator(_printable)]
Id = Annotated[str, AfterValidator(_uuid)]
Size = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=_MOST_GIB)]
Properties = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)], Name],
    Field(max_length=128),
]
Mode = Literal["rw", "ro"]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class NewVolume(BaseModel):
    """A volume to create; clients send further keys that mean nothing here, as they do to cinder."""

    model_config = ConfigDict(strict=True, extra="ignore")
    size: Size | None = None
    name: Name | None = None
    description: Name | None = None
    metadata: Properties | None = None
    volume_type: Annotated[str, Field(max_length=255)] | None = None
    availability_zone: Annotated[str, Field(max_length=255)] | None = None
    imageRef: str | None = None  # noqa: N815 (the wire's name)
    image_id: str | None = None
    source_volid: str | None = None
    snapshot_id: str | None = None
    backup_id: str | None = None
    multiattach: bool | None = None


class NewVolumeBody(BaseModel):
    """The body that creates a volume; hints for cinder's scheduler stand beside it and are not needed here."""

    model_config = ConfigDict(strict=True, extra="ignore")
    volume: NewVolume


class VolumeChange(_Strict):
    """What of a volume may be changed; ``display_`` names are those of older clients."""

    name: Name | None = None
    description: Name | None = None
    display_name: Name | None = None
    display_description: Name | None = None
    metadata: Properties | None = None


class VolumeChangeBody(_Strict):
    """The body that changes a volume."""

    volume: VolumeChange


class MetadataBody(_Strict):
    """The body that sets properties of a volume."""

    metadata: Properties


class MetaBody(_Strict):
    """The body that sets one property of a volume."""

    meta: Annotated[Properties, Field(min_length=1, max_length=1)]


class NewAttachment(_Strict):
    """An attachment to create; without a connector the volume is only reserved."""

    volume_uuid: Id
    instance_uuid: Id | None = None
    connector: Annotated[dict[str, Any], Field(min_length=1)] | None = None
    mode: Mode | None = None


class NewAttachmentBody(_Strict):
    """The body that creates an attachment."""

    attachment: NewAttachment


class AttachmentChange(_Strict):
    """Where an attached volume will be used."""

    connector: Annotated[dict[str, Any], Field(min_length=1)]
    mode: Mode | None = None


class AttachmentChangeBody(_Strict):
    """The body that connects an attachment."""

    attachment: AttachmentChange


class SetBootable(_Strict):
    """Whether a volume holds a system to boot."""

    bootable: bool


class Extend(_Strict):
    """A larger size in GiB."""

    new_size: Size


class ResetStatus(_Strict):
    """A status that an administrator gives a volume."""

    status: (
        Literal[
            "creating",
            "available",
            "deleting",
            "error",
            "error_deleting",
            "error_managing",
            "managing",
            "attaching",
            "detaching",
            "in-use",
            "maintenance",
            "error_extending",
            "reserved",
        ]
        | None
    ) = None
    attach_status: Literal["attached", "detached"] | None = None
    migration_status: str | None = None


class ReadOnly(_Strict):
    """Whether a volume may be attached for reading alone."""

    readonly: bool


class ImageProperties(_Strict):
    """Properties of the image a volume is said to be made of."""

    metadata: Properties


class ImageProperty(_Strict):
    """The name of an image property to take away."""

    key: Annotated[str, Field(min_length=1, max_length=255)]


class NewType(_Strict):
    """A volume type to create."""

    name: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
    description: Name | None = None
    extra_specs: Properties = Field(default_factory=dict)
    is_public: bool = Field(default=True, alias="os-volume-type-access:is_public")


class NewTypeBody(_Strict):
    """The body that creates a volume type."""

    volume_type: NewType


class ExtraSpecsBody(_Strict):
    """The body that sets extra specs of a volume type."""

    extra_specs: Properties


class QuotaBody(BaseModel):
    """The body that gives a project limits; -1: none."""

    model_config = ConfigDict(strict=True, extra="ignore")
    quota_set: dict[str, Annotated[int, BeforeValidator(_digits), Field(ge=-1, le=_MOST_GIB)] | str | bool | None]
