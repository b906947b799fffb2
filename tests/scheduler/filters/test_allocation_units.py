"""Every amount that is asked for lies between min_unit and max_unit and is a multiple of step_size."""

from __future__ import annotations

import pytest

from tests.builders import passing, request

NAME = "AllocationUnitsFilter"


HOSTS = [{"vcpus_min_unit": 2, "vcpus_max_unit": 8, "vcpus_step_size": 2}]


@pytest.mark.parametrize(
    ("vcpus", "fits"),
    [(1, False), (2, True), (3, False), (7, False), (8, True), (9, False), (10, False)],
)
def test_an_amount_is_within_the_limits_and_a_multiple(vcpus: int, fits: bool) -> None:
    assert passing(NAME, HOSTS, request(vcpus=vcpus)) == ({"h0"} if fits else set())


def test_what_is_not_asked_for_has_no_limits() -> None:
    assert passing(NAME, HOSTS, request(vcpus=0)) == {"h0"}


@pytest.mark.parametrize(
    ("limits", "fits"),
    [
        ({"memory_mb_max_unit": 512}, True),
        ({"memory_mb_max_unit": 511}, False),
        ({"memory_mb_min_unit": 513}, False),
        ({"memory_mb_step_size": 500}, False),
        ({"disk_gb_max_unit": 12}, True),
        ({"disk_gb_max_unit": 11}, False),
        ({"disk_gb_step_size": 5}, False),
    ],
)
def test_memory_and_disk_have_limits_of_their_own(limits: dict[str, int], fits: bool) -> None:
    # 512 MiB of memory; 10 + 1 GiB and a swap of 1 MiB, which counts as one GiB more
    spec = request(memory_mb=512, root_gb=10, ephemeral_gb=1, swap_mb=1)
    assert passing(NAME, [limits], spec) == ({"h0"} if fits else set())


def test_a_root_disk_on_a_volume_is_not_asked_of_the_host() -> None:
    assert passing(NAME, [{"disk_gb_max_unit": 5}], request(root_gb=10, is_bfv=True)) == {"h0"}


def test_the_largest_unit_is_the_total_unless_told_so_no_instance_overcommits_against_itself() -> None:
    assert passing(NAME, [{"vcpus": 16, "cpu_allocation_ratio": 4.0}], request(vcpus=17)) == set()
    assert passing(NAME, [{"vcpus": 16, "cpu_allocation_ratio": 4.0}], request(vcpus=16)) == {"h0"}
