"""A guest larger than its whole host is refused, whatever the scheduler thought."""

from __future__ import annotations

import pytest

from engine.boot.compute.fits import check_fits
from engine.boot.effects.errors import Reschedule
from engine.v1 import instance_pb2, request_spec_pb2
from tests.boot.libvirt.guests import instance, profile

HOST = profile(vcpus=8, memory_mb=4096, disk_gb=100, reserved_memory_mb=512)


def sized(**sizes: int) -> request_spec_pb2.Flavor:
    return request_spec_pb2.Flavor(**{"name": "f", "vcpus": 1, "memory_mb": 1, **sizes})


@pytest.mark.parametrize("sizes", [{"vcpus": 8}, {"memory_mb": 3584}, {"root_gb": 98, "ephemeral_gb": 1, "swap_mb": 1}])
def test_what_fits_exactly_fits(sizes: dict[str, int]) -> None:
    check_fits(instance(flavor=sized(**sizes)), HOST)


@pytest.mark.parametrize(
    "sizes",
    [
        {"vcpus": 9},
        {"memory_mb": 3585},
        {"root_gb": 100, "swap_mb": 1},
        {"root_gb": 99, "ephemeral_gb": 2},
        {"vcpus": 2**62},
        {"root_gb": 2**62},
    ],
)
def test_what_is_larger_is_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(Reschedule, match="Insufficient compute resources"):
        check_fits(instance(flavor=sized(**sizes)), HOST)


def test_a_root_disk_on_a_volume_takes_no_room_here() -> None:
    root = instance_pb2.BlockDevice(boot_index=0, destination_type="volume")
    check_fits(instance(flavor=sized(root_gb=1000), block_devices=[root]), HOST)
