"""Image type: a host that reads the image's disk format (nova's require_image_type_support)."""

from __future__ import annotations

from engine.scheduler.translate.request_filters.asked import Added, Asked, root_trait
from engine.scheduler.translate.standard_traits import STANDARD_TRAITS


def image_type(asked: Asked) -> Added | None:
    """Return the trait of such hosts; none for a boot from volume, nor for a format that no standard trait names."""
    if not asked.options.query_placement_for_image_type_support or asked.request.is_bfv:
        return None
    name = f"COMPUTE_IMAGE_TYPE_{asked.request.image.disk_format.upper()}"
    return root_trait(name) if name in STANDARD_TRAITS else None
