"""Hosts with PCI devices are left for those who need them, the more so the more devices they have."""

from __future__ import annotations

import pytest

from engine.errors import InvalidSettingError
from engine.model.aggregate import Aggregate
from engine.scheduler.options import SchedulerOptions
from tests.builders import weights

NAME = "PCIWeigher"


def test_the_host_without_devices_is_best() -> None:
    hosts = [{"pci_devices": count} for count in (0, 1, 4)]
    assert weights(NAME, hosts) == {"h0": 1.0, "h1": 0.75, "h2": 0.0}


def test_devices_beyond_99_make_no_difference() -> None:
    hosts = [{"pci_devices": count} for count in (0, 98, 99, 100, 2_000_000_000)]
    found = weights(NAME, hosts)
    assert found == {"h0": 1.0, "h1": 1 / 99, "h2": 0.0, "h3": 0.0, "h4": 0.0}


def test_hosts_that_are_all_alike_weigh_nothing() -> None:
    assert weights(NAME, [{"pci_devices": 7}, {"pci_devices": 7}]) == {"h0": 0.0, "h1": 0.0}


def test_an_aggregate_may_turn_it_round_but_the_option_may_not() -> None:
    aggregates = [Aggregate("a", "a", frozenset({"h0"}), {"pci_weight_multiplier": "-2"})]
    assert weights(NAME, [{}, {"pci_devices": 1}], aggregates=aggregates) == {"h0": -2.0, "h1": 0.0}
    with pytest.raises(InvalidSettingError, match="pci_weight_multiplier must be at least 0"):
        SchedulerOptions(pci_weight_multiplier=-1.0)
