"""Flavor: the sizes and extra specs an instance is made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import InvalidRequestError
from engine.model.limits import MAX_DISK_GB, MAX_MEMORY_MB, MAX_VCPUS, check_amount


@dataclass(frozen=True, slots=True)
class Flavor:
    """An instance's shape: vcpus (count), memory_mb (MiB), root_gb and ephemeral_gb (GiB), swap_mb (MiB), extra specs.

    Raises InvalidRequestError when a size is not a whole number in its range or nothing at all is asked for.
    """

    name: str
    vcpus: int
    memory_mb: int
    root_gb: int = 0
    ephemeral_gb: int = 0
    swap_mb: int = 0
    extra_specs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_amount("vcpus", self.vcpus, 0, MAX_VCPUS)
        check_amount("memory_mb", self.memory_mb, 0, MAX_MEMORY_MB)
        check_amount("root_gb", self.root_gb, 0, MAX_DISK_GB)
        check_amount("ephemeral_gb", self.ephemeral_gb, 0, MAX_DISK_GB)
        check_amount("swap_mb", self.swap_mb, 0, MAX_MEMORY_MB)
        if not (self.vcpus or self.memory_mb or self.root_gb or self.ephemeral_gb):
            raise InvalidRequestError(
                f"flavor {self.name!r} asks for nothing: give at least one of vcpus, memory_mb, root_gb"
            )
