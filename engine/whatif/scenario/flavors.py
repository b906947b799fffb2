"""The scenario's ``[[flavors]]``: the shapes of instances, beside those that a live service knows."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from engine.model.limits import MAX_DISK_GB, MAX_MEMORY_MB, MAX_VCPUS
from engine.whatif.scenario.base import Table


class FlavorTable(Table):
    """A flavor: sizes and extra specs, and what requests of it say besides."""

    name: str = Field(min_length=1, max_length=255, description="its name; a live service's flavor of it gives way")
    vcpus: int = Field(ge=0, le=MAX_VCPUS, description="vCPUs")
    memory_mb: int = Field(ge=0, le=MAX_MEMORY_MB, description="MiB of memory")
    disk_gb: int = Field(default=0, ge=0, le=MAX_DISK_GB, description="GiB of root disk")
    ephemeral_gb: int = Field(default=0, ge=0, le=MAX_DISK_GB, description="GiB of further disk")
    swap_mb: int = Field(default=0, ge=0, le=MAX_MEMORY_MB, description="MiB of swap disk")
    extra_specs: dict[str, str] = Field(
        default_factory=dict, description="nova's extra specs, such as 'hw:numa_nodes' = '2'"
    )
    image_properties: dict[str, str | int | bool] = Field(
        default_factory=dict, description="properties of the image that its instances boot"
    )
    zone: str = Field(default="", description="the availability zone that its instances ask for")
    required_traits: tuple[str, ...] = Field(default=(), description="traits that its instances require of a host")
    hints: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="scheduler hints, each a list of text")

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not (self.vcpus or self.memory_mb or self.disk_gb or self.ephemeral_gb):
            raise ValueError("asks for nothing: give at least one of vcpus, memory_mb and disk_gb")
        return self
