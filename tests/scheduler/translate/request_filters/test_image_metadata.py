"""With image_metadata_prefilter an image's devices become traits."""

from __future__ import annotations

import pytest

from tests.builders import request
from tests.scheduler.translate.asking import narrowed


@pytest.mark.parametrize(
    ("properties", "required"),
    [
        ({"hw_disk_bus": "virtio", "hw_cdrom_bus": "sata"}, {"COMPUTE_STORAGE_BUS_VIRTIO", "COMPUTE_STORAGE_BUS_SATA"}),
        ({"vmware_adaptertype": "ide"}, {"COMPUTE_STORAGE_BUS_IDE"}),
        ({"hw_vif_model": "spapr-vlan"}, {"COMPUTE_NET_VIF_MODEL_SPAPR_VLAN"}),
        ({"hw_vif_model": "VirtualE1000"}, {"COMPUTE_NET_VIF_MODEL_E1000"}),
        ({"architecture": "AMD64", "hw_emulation_architecture": "aarch64"}, {"HW_ARCH_X86_64", "COMPUTE_ARCH_AARCH64"}),
        ({"hw_video_model": "none"}, {"COMPUTE_GRAPHICS_MODEL_NONE"}),
        ({"hw_disk_bus": "virtio", "hw_video_model": "hologram"}, set()),
        ({"hw_disk_bus": "virtio", "hw_viommu_model": "intel"}, set()),
        ({"hw_disk_type": "preallocated"}, set()),
    ],
)
def test_the_traits_all_or_none(properties: dict[str, object], required: set[str]) -> None:
    assert narrowed(request(properties=properties), image_metadata_prefilter=True).root_required == required
    assert narrowed(request(properties=properties)).root_required == set()
