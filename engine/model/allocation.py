"""Allocation: the record that an instance holds resources on a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one consumer (an instance's uuid) holds on one host; ``resources`` are placement amounts by resource class.

    ``vcpus``, ``memory_mb`` and ``disk_gb`` are the flavor's own sizes, which the weighers count (disk_gb is root +
    ephemeral).
    """

    consumer: str
    host_id: str
    resources: Mapping[str, int]
    vcpus: int
    memory_mb: int
    disk_gb: int
    flavor: str = ""
    project_id: str = ""
    user_id: str = ""
    instance_group: str = ""
    created_us: int = 0
    client_token: str = ""
