"""Image metadata: a host with the devices that the image names (nova's transform_image_metadata)."""

from __future__ import annotations

from engine.scheduler.translate.request_filters.asked import Added, Asked
from engine.scheduler.translate.standard_traits import STANDARD_TRAITS

_TRAIT_PREFIXES = {
    "hw_cdrom_bus": "COMPUTE_STORAGE_BUS",
    "hw_disk_bus": "COMPUTE_STORAGE_BUS",
    "hw_video_model": "COMPUTE_GRAPHICS_MODEL",
    "hw_vif_model": "COMPUTE_NET_VIF_MODEL",
    "hw_architecture": "HW_ARCH",
    "hw_emulation_architecture": "COMPUTE_ARCH",
    "hw_viommu_model": "COMPUTE_VIOMMU",
}


def image_metadata(asked: Asked) -> Added | None:
    """Return the trait of each such property; none at all as soon as one of them is no standard trait.

    So an image with any hw_viommu_model asks for nothing, in nova too: no trait has the name that comes of it.
    """
    if not asked.options.image_metadata_prefilter:
        return None
    traits = {
        f"{prefix}_{str(asked.guest.properties[name]).replace('-', '_').upper()}"
        for name, prefix in _TRAIT_PREFIXES.items()
        if name in asked.guest.properties
    }
    return Added(root_required=frozenset(traits)) if traits <= STANDARD_TRAITS else None
