"""The number of instances weighs by its place between the fewest and the most."""

from __future__ import annotations

from tests.builders import weights

NAME = "NumInstancesWeigher"


def test_it_counts_only_with_a_multiplier() -> None:
    hosts = [{"num_instances": count} for count in (2, 4, 6)]
    assert weights(NAME, hosts) == {"h0": 0.0, "h1": 0.0, "h2": 0.0}


def test_a_positive_multiplier_packs_and_a_negative_one_spreads() -> None:
    hosts = [{"num_instances": count} for count in (2, 4, 6)]
    assert weights(NAME, hosts, num_instances_weight_multiplier=1.0) == {"h2": 1.0, "h1": 0.5, "h0": 0.0}
    assert weights(NAME, hosts, num_instances_weight_multiplier=-2.0) == {"h0": 0.0, "h1": -1.0, "h2": -2.0}


def test_equal_hosts_weigh_nothing() -> None:
    hosts = [{"num_instances": 3}, {"num_instances": 3}]
    assert weights(NAME, hosts, num_instances_weight_multiplier=1.0) == {"h0": 0.0, "h1": 0.0}
