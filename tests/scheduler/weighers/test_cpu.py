"""More vCPUs left under the allocation ratio weigh more."""

from __future__ import annotations

from tests.builders import weights

NAME = "CPUWeigher"


def test_the_share_of_the_most_free_under_the_ratio() -> None:
    hosts = [
        {"vcpus": 10, "cpu_allocation_ratio": 2.0},
        {"vcpus": 10, "cpu_allocation_ratio": 2.0, "vcpus_used": 10},
        {"vcpus": 10, "cpu_allocation_ratio": 2.0, "vcpus_used": 20},
        {"vcpus": 10, "cpu_allocation_ratio": 2.0, "vcpus_used": 21},
    ]
    assert weights(NAME, hosts) == {"h0": 1.0, "h1": 0.5, "h2": 0.0, "h3": 0.0}


def test_a_part_of_a_vcpu_counts_though_none_could_use_it() -> None:
    hosts = [{"vcpus": 3, "cpu_allocation_ratio": 1.5}, {"vcpus": 3, "cpu_allocation_ratio": 1.5, "vcpus_used": 3}]
    assert weights(NAME, hosts) == {"h0": 1.0, "h1": 1.5 / 4.5}


def test_reserved_vcpus_are_not_taken_off() -> None:
    assert weights(NAME, [{"vcpus_reserved": 8}, {}]) == {"h0": 1.0, "h1": 1.0}
