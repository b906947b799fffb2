"""More free memory weighs more: free over the most free, no allocation ratio."""

from __future__ import annotations

from engine.model.aggregate import Aggregate
from tests.builders import weights

NAME = "RAMWeigher"


def test_the_share_of_the_most_free() -> None:
    hosts = [{"free_ram_mb": free} for free in (100, 50, 0)]
    assert weights(NAME, hosts) == {"h0": 1.0, "h1": 0.5, "h2": 0.0}


def test_the_allocation_ratio_does_not_count_and_reserved_memory_is_not_free() -> None:
    hosts = [
        {"memory_mb": 1000, "memory_mb_reserved": 200, "memory_mb_used": 300, "ram_allocation_ratio": 4.0},
        {"memory_mb": 1000},
    ]
    assert weights(NAME, hosts) == {"h1": 1.0, "h0": 0.5}


def test_less_than_nothing_counts_as_nothing() -> None:
    assert weights(NAME, [{"free_ram_mb": -100}, {"free_ram_mb": 10}]) == {"h1": 1.0, "h0": 0.0}
    assert weights(NAME, [{"free_ram_mb": -100}, {"free_ram_mb": -1}]) == {"h0": 0.0, "h1": 0.0}


def test_equal_hosts_weigh_the_whole_multiplier() -> None:
    assert weights(NAME, [{}, {}], ram_weight_multiplier=2.5) == {"h0": 2.5, "h1": 2.5}


def test_a_negative_multiplier_packs() -> None:
    hosts = [{"free_ram_mb": 100}, {"free_ram_mb": 50}]
    assert weights(NAME, hosts, ram_weight_multiplier=-1.0) == {"h1": -0.5, "h0": -1.0}


def test_a_lone_host_is_not_weighed() -> None:
    assert weights(NAME, [{}]) == {"h0": 0.0}


def test_an_aggregates_multiplier_counts_for_its_hosts_the_least_of_several() -> None:
    aggregates = [
        Aggregate("a", "a", frozenset({"h0", "h1"}), {"ram_weight_multiplier": "3"}),
        Aggregate("b", "b", frozenset({"h1"}), {"ram_weight_multiplier": "2"}),
        Aggregate("c", "c", frozenset({"h2"}), {"ram_weight_multiplier": "no number"}),
    ]
    expected = {"h0": 3.0, "h1": 2.0, "h2": 1.0}
    assert weights(NAME, [{}, {}, {}], aggregates=aggregates) == expected
