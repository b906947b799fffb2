"""The image service's tables, and what one image is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table

QUEUED = "queued"
SAVING = "saving"
UPLOADING = "uploading"
IMPORTING = "importing"
ACTIVE = "active"
DEACTIVATED = "deactivated"

PUBLIC = "public"
PRIVATE = "private"
SHARED = "shared"
COMMUNITY = "community"

METADATA = MetaData()

IMAGES = Table(
    "images",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String),
    Column("owner", String, nullable=False),
    Column("status", String, nullable=False),
    Column("visibility", String, nullable=False),
    Column("disk_format", String),
    Column("container_format", String),
    Column("min_disk", Integer, nullable=False),
    Column("min_ram", Integer, nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("os_hidden", Boolean, nullable=False),
    Column("size", BigInteger),
    Column("virtual_size", BigInteger),
    Column("checksum", String),
    Column("os_hash_value", String),
    Column("tags", JSON, nullable=False),
    Column("properties", JSON, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Index("images_by_time", "created_us", "id"),
    Index("images_by_name", "name"),
)

MEMBERS = Table(
    "members",
    METADATA,
    Column("image_id", ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    Column("member_id", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Index("members_by_project", "member_id"),
)


@dataclass(frozen=True)
class Image:
    """One image: sizes in bytes (``min_disk`` in GiB, ``min_ram`` in MiB), times in microseconds since 1970 UTC."""

    id: str
    name: str | None
    owner: str
    status: str
    visibility: str
    disk_format: str | None
    container_format: str | None
    min_disk: int
    min_ram: int
    protected: bool
    os_hidden: bool
    size: int | None
    virtual_size: int | None
    checksum: str | None
    os_hash_value: str | None
    tags: list[str]
    properties: dict[str, str]
    created_us: int
    updated_us: int


@dataclass(frozen=True)
class Member:
    """A project an image is shared with: ``status`` is pending, accepted or rejected, as the project said."""

    image_id: str
    member_id: str
    status: str
    created_us: int
    updated_us: int


def image_of(row: Any) -> Image:
    """Return the image of a row of IMAGES."""
    return Image(**row._mapping)


def now_us() -> int:
    """Return the time in microseconds since 1970 UTC."""
    return time.time_ns() // 1000
