"""What callers may say of an image: the attributes, and any further property as a string."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from engine.cloud.image.formats import ContainerFormat, DiskFormat
from engine.rest.errors import BadRequest, Forbidden, TooLarge
from engine.rest.request import in_words

_MOST = 128
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_READ_ONLY = frozenset(
    {
        "status",
        "size",
        "virtual_size",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "created_at",
        "updated_at",
        "self",
        "file",
        "schema",
        "direct_url",
        "stores",
    }
)
_RESERVED = frozenset({"deleted", "deleted_at", "is_public", "locations"})
ATTRIBUTES = frozenset(
    {
        "id",
        "name",
        "owner",
        "visibility",
        "disk_format",
        "container_format",
        "min_disk",
        "min_ram",
        "protected",
        "os_hidden",
        "tags",
    }
)


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


def _canonical(text: str) -> str:
    return str(UUID(text))


Name = Annotated[str, Field(max_length=255), AfterValidator(_printable)]
Tag = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
Property = Annotated[str, Field(max_length=65_535)]


class ImageBody(BaseModel):
    """An image as a caller describes it; what is no attribute is a property."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[str, Property] = Field(init=False)

    id: Annotated[str, AfterValidator(_canonical)] | None = None
    name: Name | None = None
    owner: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    visibility: Literal["public", "private", "shared", "community"] = "shared"
    disk_format: DiskFormat | None = None
    container_format: ContainerFormat | None = None
    min_disk: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    min_ram: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    protected: bool = False
    os_hidden: bool = False
    tags: list[Tag] = Field(default_factory=list)

    @property
    def properties(self) -> dict[str, str]:
        """The properties besides the attributes."""
        return self.__pydantic_extra__


class ImportMethod(BaseModel):
    """How staged data becomes the image's."""

    model_config = ConfigDict(strict=True, extra="forbid")
    name: str


class ImportBody(BaseModel):
    """The body of an import."""

    model_config = ConfigDict(strict=True, extra="ignore")
    method: ImportMethod


class NewMember(BaseModel):
    """The body that shares an image with a project."""

    model_config = ConfigDict(strict=True, extra="forbid")
    member: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]


class MemberStatus(BaseModel):
    """The body by which a project says what it thinks of an image shared with it."""

    model_config = ConfigDict(strict=True, extra="ignore")
    status: Literal["pending", "accepted", "rejected"]


def may_be_set(name: str) -> None:
    """Raise Forbidden for an attribute that only the service writes."""
    if name in _READ_ONLY:
        raise Forbidden(f"Attribute '{name}' is read-only.")
    if name in _RESERVED or name.startswith("os_glance_"):
        raise Forbidden(f"Attribute '{name}' is reserved.")


def image_body(content: Any) -> ImageBody:
    """Return a caller's image, checked.

    Raises BadRequest for what cannot be, Forbidden for attributes that are not the caller's, and TooLarge for too many
    tags or properties.
    """
    if not isinstance(content, dict):
        raise BadRequest("The body must be a JSON object that describes one image.")
    for name in content:
        may_be_set(name)
        if not name or len(name) > 255 or _CONTROL.search(name):
            raise BadRequest("A property's name must have 1 to 255 characters and no control characters.")
    try:
        body = ImageBody.model_validate(content)
    except ValidationError as error:
        raise BadRequest(in_words(error)) from error
    tags = list(dict.fromkeys(body.tags))
    for what, number in (("tags", len(tags)), ("properties", len(body.properties))):
        if number > _MOST:
            raise TooLarge(f"The limit has been exceeded on the number of allowed image {what}: {number} of {_MOST}.")
    return body.model_copy(update={"tags": tags})
