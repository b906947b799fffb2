"""More free disk weighs more: free over the most free, no allocation ratio."""

from __future__ import annotations

from tests.builders import weights

NAME = "DiskWeigher"


def test_the_share_of_the_most_free() -> None:
    hosts = [{"free_disk_gb": free} for free in (100, 25, 0, -7)]
    assert weights(NAME, hosts) == {"h0": 1.0, "h1": 0.25, "h2": 0.0, "h3": 0.0}


def test_the_lesser_of_free_and_least_available_counts() -> None:
    hosts = [
        {"free_disk_gb": 100, "disk_available_least_gb": 50},
        {"free_disk_gb": 100, "disk_available_least_gb": 200},
        {"free_disk_gb": 100, "disk_available_least_gb": -10},
    ]
    assert weights(NAME, hosts) == {"h1": 1.0, "h0": 0.5, "h2": 0.0}


def test_hosts_without_disk_weigh_nothing() -> None:
    assert weights(NAME, [{"disk_gb": 0}, {"disk_gb": 0}]) == {"h0": 0.0, "h1": 0.0}


def test_the_multiplier_is_an_option() -> None:
    assert weights(NAME, [{}, {}], disk_weight_multiplier=-0.5) == {"h0": -0.5, "h1": -0.5}
