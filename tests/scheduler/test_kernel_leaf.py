"""A leaf's best host is exact whether one host, alike hosts or unlike hosts come near its best estimate."""

from __future__ import annotations

import numpy as np
import pytest

from engine.inventory.schema import LEAF_ROWS
from engine.inventory.usage import flavor_amounts
from engine.scheduler.chain import Chain
from tests.builders import HostFacts, host_table, only, request, selector

GIB = 1024
WEIGHERS = ("RAMWeigher", "DiskWeigher", "CPUWeigher")


def best(hosts: list[HostFacts], chain: Chain) -> tuple[int, float]:
    """The row and weight that a class view picks for a small instance."""
    views = selector(host_table(hosts), chain).views
    spec = request()
    amounts = flavor_amounts(spec.flavor)
    slot = views.slot(chain.class_key(spec, amounts), spec, amounts)
    placed = views.place(np.array([slot]), np.array([views.shape(amounts)]), claim=False)
    return int(placed.rows[0, 0]), float(placed.weights[0, 0])


def weighed(hosts: list[HostFacts]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Every host's weight under memory, disk and vCPUs alike, in nova's own arithmetic and in its order."""
    total = np.zeros(len(hosts))
    for name, default in (("memory_mb", 65_536), ("disk_gb", 1000), ("vcpus", 16)):
        values = np.array([host.get(name, default) for host in hosts], dtype=np.float64)
        if name == "vcpus":
            values *= 16.0
        total += values / values.max()
    return total


def chain() -> Chain:
    return only(weighers=WEIGHERS)


def expect_the_first_best(hosts: list[HostFacts]) -> None:
    weights = weighed([{"cpu_allocation_ratio": 16.0, **host} for host in hosts])
    row, weight = best([{"cpu_allocation_ratio": 16.0, **host} for host in hosts], chain())
    assert row == int(np.argmax(weights))
    assert weight == pytest.approx(float(weights.max()), rel=1e-15)


def test_one_host_above_all_others_is_found_wherever_it_stands() -> None:
    for place in (0, 1, 100, LEAF_ROWS - 1, LEAF_ROWS, LEAF_ROWS + 40):
        hosts: list[HostFacts] = [{"memory_mb": 32 * GIB} for _ in range(LEAF_ROWS + 50)]
        hosts[place] = {"memory_mb": 33 * GIB}
        assert best(hosts, chain())[0] == place


def test_of_hosts_that_are_all_alike_the_first_is_taken() -> None:
    expect_the_first_best([{"memory_mb": 32 * GIB}] * 3 + [{"memory_mb": 64 * GIB}] * (2 * LEAF_ROWS))


@pytest.mark.parametrize("first", ["memory", "disk"])
def test_of_unlike_hosts_of_equal_weight_the_first_is_taken(first: str) -> None:
    memory = {"memory_mb": 64 * GIB, "disk_gb": 500}
    disk = {"memory_mb": 32 * GIB, "disk_gb": 1000}
    pair = [memory, disk] if first == "memory" else [disk, memory]
    expect_the_first_best([{"memory_mb": GIB, "disk_gb": 1}, *pair * 40])


def test_unlike_hosts_within_rounding_of_each_other_are_told_apart_exactly() -> None:
    """Sums of thirds and sevenths that the linear estimate cannot order: the exact weights decide."""
    rng = np.random.default_rng(7)
    for _ in range(40):
        memory = int(rng.integers(3, 1000))
        hosts: list[HostFacts] = [
            {"memory_mb": part * memory, "disk_gb": (21 - part) * 1000}
            for part in rng.integers(1, 21, size=60).tolist()
        ]
        ends: list[HostFacts] = [
            {"memory_mb": 21 * memory, "disk_gb": 1, "vcpus": 1},
            {"memory_mb": 1, "disk_gb": 21_000, "vcpus": 1},
        ]
        expect_the_first_best([*hosts, *ends])


def test_a_host_that_fails_a_filter_is_never_the_best() -> None:
    hosts: list[HostFacts] = [{"memory_mb": 64 * GIB, "disabled": True}] * 5 + [{"memory_mb": 32 * GIB}] * 5
    row, _ = best(hosts, only(filters=["ComputeFilter"], weighers=WEIGHERS))
    assert row == 5
