"""The block storage service's tables, and what one volume and one attachment is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table

CREATING = "creating"
DOWNLOADING = "downloading"
AVAILABLE = "available"
RESERVED = "reserved"
ATTACHING = "attaching"
IN_USE = "in-use"
DETACHING = "detaching"
EXTENDING = "extending"
DELETING = "deleting"
ERROR = "error"
ERROR_DELETING = "error_deleting"
ERROR_EXTENDING = "error_extending"
MAINTENANCE = "maintenance"
ATTACHED = "attached"

ZONE = "nova"
DEFAULT_TYPE = "__DEFAULT__"

METADATA = MetaData()

TYPES = Table(
    "volume_types",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("description", String),
    Column("is_public", Boolean, nullable=False),
    Column("extra_specs", JSON, nullable=False),
)

VOLUMES = Table(
    "volumes",
    METADATA,
    Column("id", String, primary_key=True),
    Column("project_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("name", String),
    Column("description", String),
    Column("size", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("bootable", Boolean, nullable=False),
    Column("multiattach", Boolean, nullable=False),
    Column("readonly", Boolean, nullable=False),
    Column("type_id", ForeignKey("volume_types.id"), nullable=False),
    Column("image_id", String),
    Column("source_volid", String),
    Column("properties", JSON, nullable=False),
    Column("image_properties", JSON, nullable=False),
    Column("host", String),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger),
    Index("volumes_by_project", "project_id", "created_us"),
    Index("volumes_by_time", "created_us"),
)

ATTACHMENTS = Table(
    "attachments",
    METADATA,
    Column("id", String, primary_key=True),
    Column("volume_id", ForeignKey("volumes.id", ondelete="CASCADE"), nullable=False),
    Column("project_id", String, nullable=False),
    Column("instance_id", String),
    Column("status", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("connector", JSON),
    Column("created_us", BigInteger, nullable=False),
    Column("attached_us", BigInteger),
    Index("attachments_by_volume", "volume_id"),
    Index("attachments_by_instance", "instance_id"),
)

QUOTAS = Table(
    "quotas",
    METADATA,
    Column("project_id", String, primary_key=True),
    Column("resource", String, primary_key=True),
    Column("most", Integer, nullable=False),
)

MESSAGES = Table(
    "messages",
    METADATA,
    Column("id", String, primary_key=True),
    Column("project_id", String, nullable=False),
    Column("volume_id", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("text", String, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Index("messages_by_project", "project_id", "created_us"),
)


@dataclass(frozen=True)
class Volume:
    """One volume: ``size`` in GiB, ``host`` the backend that holds it (None: none yet), times in microseconds."""

    id: str
    project_id: str
    user_id: str
    name: str | None
    description: str | None
    size: int
    status: str
    bootable: bool
    multiattach: bool
    readonly: bool
    type_id: str
    image_id: str | None
    source_volid: str | None
    properties: dict[str, str]
    image_properties: dict[str, str]
    host: str | None
    created_us: int
    updated_us: int | None


@dataclass(frozen=True)
class Attachment:
    """One use of a volume: reserved without a ``connector``, attaching with one, attached when it is complete."""

    id: str
    volume_id: str
    project_id: str
    instance_id: str | None
    status: str
    mode: str
    connector: dict[str, Any] | None
    created_us: int
    attached_us: int | None


@dataclass(frozen=True)
class VolumeType:
    """One kind of volumes; the extra spec ``multiattach`` with ``<is> True`` allows several attachments."""

    id: str
    name: str
    description: str | None
    is_public: bool
    extra_specs: dict[str, str]

    @property
    def multiattach(self) -> bool:
        """Whether volumes of the type may be attached more than once at a time."""
        return self.extra_specs.get("multiattach", "").lower() == "<is> true"


def now_us() -> int:
    """Return the time in microseconds since 1970 UTC."""
    return time.time_ns() // 1000
