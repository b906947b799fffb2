"""A newer hypervisor weighs more, by its place between oldest and newest."""

from __future__ import annotations

from tests.builders import weights

NAME = "HypervisorVersionWeigher"


def test_the_newest_gains_the_whole_multiplier() -> None:
    hosts = [{"hypervisor_version": version} for version in (8_002_000, 7_002_000, 6_002_000)]
    assert weights(NAME, hosts) == {"h0": 1.0, "h1": 0.5, "h2": 0.0}


def test_an_unknown_version_is_the_oldest() -> None:
    assert weights(NAME, [{}, {"hypervisor_version": 1}]) == {"h1": 1.0, "h0": 0.0}


def test_equal_versions_weigh_nothing() -> None:
    assert weights(NAME, [{"hypervisor_version": 7}] * 2) == {"h0": 0.0, "h1": 0.0}


def test_the_multiplier_is_an_option() -> None:
    hosts = [{"hypervisor_version": 1}, {"hypervisor_version": 2}]
    assert weights(NAME, hosts, hypervisor_version_weight_multiplier=-1.0) == {"h0": 0.0, "h1": -1.0}
