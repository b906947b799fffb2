"""Types of body fields that servers have: tags, metadata, counts and uuids as nova's schemas have them."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field

from engine.boot.api.field_types import PositiveSize, Size

_METADATA_KEY = re.compile(r"[A-Za-z0-9\-_:. ]{1,255}")


def uuid_text(value: str) -> str:
    """Return a uuid in its plain form; raise ValueError for what is none."""
    try:
        return str(UUID(value))
    except ValueError as error:
        raise ValueError("It is not a 'uuid'") from error


def is_uuid(value: str) -> bool:
    """Whether a text is a uuid as OpenStack prints them."""
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


def metadata_key(value: str) -> str:
    """Return a key of metadata; raise ValueError for what is none."""
    if not _METADATA_KEY.fullmatch(value):
        raise ValueError("A key has 1 to 255 letters, digits and -_:. or spaces")
    return value


def tag_text(value: str) -> str:
    """Return a tag; raise ValueError for what is none."""
    if not 1 <= len(value) <= 60 or "/" in value or "," in value:
        raise ValueError("A tag has 1 to 60 characters, no slash and no comma")
    return value


MetadataItems = dict[Annotated[str, AfterValidator(metadata_key)], Annotated[str, Field(max_length=255)]]
"""Metadata of a server."""

Tag = Annotated[str, AfterValidator(tag_text)]
"""A tag of a server, a network or a device."""

Uuid = Annotated[str, AfterValidator(uuid_text)]
"""A uuid in any of its spellings."""

Count = PositiveSize
"""How many servers."""

OptionalSize = Annotated[Size | None, BeforeValidator(lambda value: None if value == "" else value)]
"""A size, or none, which clients also send as empty text."""
