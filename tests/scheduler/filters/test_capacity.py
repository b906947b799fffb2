"""What is asked of each class fits into floor((total - reserved) * ratio) less what is used."""

from __future__ import annotations

import pytest

from tests.builders import passing, request

NAME = "CapacityFilter"


@pytest.mark.parametrize(
    ("host", "spec", "fits"),
    [
        ({"vcpus": 4, "cpu_allocation_ratio": 1.0}, {"vcpus": 4}, True),
        ({"vcpus": 4, "cpu_allocation_ratio": 1.0}, {"vcpus": 5}, False),
        ({"vcpus": 4, "cpu_allocation_ratio": 1.0, "vcpus_used": 1}, {"vcpus": 4}, False),
        ({"vcpus": 4, "cpu_allocation_ratio": 1.0, "vcpus_reserved": 1}, {"vcpus": 4}, False),
        ({"vcpus": 3, "cpu_allocation_ratio": 1.5}, {"vcpus": 4}, True),
        ({"vcpus": 3, "cpu_allocation_ratio": 1.5}, {"vcpus": 5}, False),
        ({"memory_mb": 1024}, {"memory_mb": 1024}, True),
        ({"memory_mb": 1023}, {"memory_mb": 1024}, False),
        ({"memory_mb": 1024, "ram_allocation_ratio": 0.5}, {"memory_mb": 512}, True),
        ({"memory_mb": 1024, "ram_allocation_ratio": 0.5}, {"memory_mb": 513}, False),
        ({"disk_gb": 10}, {"root_gb": 10}, True),
        ({"disk_gb": 10}, {"root_gb": 10, "swap_mb": 1}, False),
        ({"disk_gb": 10}, {"root_gb": 5, "ephemeral_gb": 6}, False),
        ({"disk_gb": 0}, {"root_gb": 1}, False),
    ],
)
def test_what_is_asked_for_fits(host: dict[str, object], spec: dict[str, int], fits: bool) -> None:
    assert passing(NAME, [host], request(**spec)) == ({"h0"} if fits else set())


def test_an_overfull_class_stops_only_who_asks_for_it() -> None:
    overfull = {"vcpus": 4, "cpu_allocation_ratio": 1.0, "vcpus_used": 9}
    assert passing(NAME, [overfull], request(vcpus=1)) == set()
    assert passing(NAME, [overfull], request(vcpus=0)) == {"h0"}


def test_a_root_disk_on_a_volume_takes_no_room() -> None:
    assert passing(NAME, [{"disk_gb": 0}], request(root_gb=10, is_bfv=True)) == {"h0"}


def test_what_the_hypervisor_reports_free_does_not_count() -> None:
    assert passing(NAME, [{"memory_mb": 1024, "free_ram_mb": -5}], request(memory_mb=1024)) == {"h0"}
