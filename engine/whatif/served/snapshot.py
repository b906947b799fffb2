"""Snapshot: all that a what-if needs to know of a service at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from engine.model.aggregate import Aggregate
from engine.model.candidates import Provider
from engine.model.flavor import Flavor
from engine.model.server_group import ServerGroup
from engine.scheduler.options import SchedulerOptions

ALLOCATION_SCHEMA: Final = pa.schema(
    [
        pa.field("instance", pa.string()),
        pa.field("host_id", pa.dictionary(pa.int32(), pa.string())),
        pa.field("flavor", pa.dictionary(pa.int32(), pa.string())),
        pa.field("vcpus", pa.int64()),
        pa.field("memory_mb", pa.int64()),
        pa.field("disk_gb", pa.int64()),
        pa.field("requested_vcpus", pa.int64()),
        pa.field("requested_memory_mb", pa.int64()),
        pa.field("requested_disk_gb", pa.int64()),
        pa.field("project_id", pa.dictionary(pa.int32(), pa.string())),
        pa.field("server_group", pa.dictionary(pa.int32(), pa.string())),
        pa.field("assignment", pa.binary()),
        pa.field("image_properties", pa.dictionary(pa.int32(), pa.string())),
    ]
)
"""What instances hold, one row each, oldest first.

``vcpus``, ``memory_mb`` and ``disk_gb`` are the flavor's sizes as the compute node counts them, those ``requested`` are
placement's amounts, equal to the former where null. ``assignment`` is null for an instance of plain amounts (see
engine.model.assignment), otherwise its MessagePack by msgspec. ``image_properties`` is a JSON object of texts, null
where the image has none. In a file all but the first six columns may be absent.
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A service's hosts (FLEET_SCHEMA, facts without what Berth's allocations use), allocations, flavors and options.

    ``aggregates`` come without their hosts: the hosts' column aggregates says which they are in by name, so aggregates
    are set first. ``sharing`` and ``groups`` are the sharing providers and server groups as they were set; allocations
    name further members of groups. ``time_us``: the moment by the service's clock, microseconds since 1970 UTC, by
    which its hosts' heartbeats are recent or not.
    """

    hosts: pa.Table
    allocations: pa.Table
    options: SchedulerOptions
    aggregates: tuple[Aggregate, ...] = ()
    flavors: tuple[Flavor, ...] = ()
    sharing: tuple[Provider, ...] = field(default=())
    generation: int = 0
    groups: tuple[ServerGroup, ...] = ()
    time_us: int = 0
