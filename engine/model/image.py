"""Image: the properties of a boot image that the filters read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Image:
    """A boot image: its id, disk format and properties (values as glance returns them: text, numbers, booleans)."""

    id: str = ""
    disk_format: str = ""
    properties: Mapping[str, object] = field(default_factory=dict)
