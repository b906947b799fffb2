"""Resource classes, and how much of one there is and in what pieces it may be taken."""

from __future__ import annotations

from dataclasses import dataclass

VCPU = "VCPU"
MEMORY_MB = "MEMORY_MB"
DISK_GB = "DISK_GB"
RESOURCE_CLASSES = (VCPU, MEMORY_MB, DISK_GB)
"""The resource classes every host has columns for, in column order."""

UNLIMITED_MAX_UNIT = 2_147_483_647
"""placement's own largest max_unit."""


@dataclass(frozen=True, slots=True)
class ResourceInventory:
    """placement's inventory of one resource class: how much there is and in what pieces it may be taken."""

    total: int
    reserved: int = 0
    allocation_ratio: float = 1.0
    min_unit: int = 1
    max_unit: int | None = None
    step_size: int = 1

    @property
    def largest_unit(self) -> int:
        """max_unit, or the total where it was left open, as nova sets it."""
        return self.total if self.max_unit is None else self.max_unit
