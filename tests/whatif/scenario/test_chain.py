"""Chains over other chains."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidSettingError
from engine.scheduler.options import SchedulerOptions
from engine.whatif.scenario.chain import chain_options, chain_problems


def test_what_a_chain_says_goes_over_the_base_and_the_rest_stays() -> None:
    base = SchedulerOptions(cpu_weight_multiplier=5.0, ram_weight_multiplier=6.0)
    options = chain_options(base, {"cpu_weight_multiplier": 2, "enabled_filters": ["ComputeFilter"], "max_attempts": 7})
    assert (options.cpu_weight_multiplier, options.ram_weight_multiplier) == (2.0, 6.0)
    assert options.enabled_filters == ("ComputeFilter",)
    assert options.max_attempts == 7
    assert chain_options(base, {}) == base


@pytest.mark.parametrize(
    ("chain", "told"),
    [
        ({"cpu_weight": 1}, "chain.cpu_weight: is unknown: did you mean cpu_weight_multiplier?"),
        ({"max_attempts": True}, "chain.max_attempts: must be a whole number (given: true)"),
        ({"cpu_weight_multiplier": "1"}, "chain.cpu_weight_multiplier: must be a number (given: '1')"),
        ({"soft_affinity_weight_multiplier": -1}, "chain.soft_affinity_weight_multiplier: must be at least 0.0"),
        (
            {"enabled_filters": ["ComputeFilter", "Compute"]},
            "chain.enabled_filters: there is no filter called 'Compute'",
        ),
        ({"weight_classes": ["X"]}, "chain.weight_classes: there is no weigher called 'X'"),
        ({"pci_alias": ["{}"]}, "chain.pci_alias: "),
        ({"metrics_weight_setting": ["a=inf"]}, "chain.metrics_weight_setting: the ratio of a must be finite"),
        ({"shuffle_best_same_weighed_hosts": 1}, "must be true or false (given: 1)"),
        ({"default_availability_zone": None}, "chain.default_availability_zone: must be text"),
    ],
)
def test_a_wrong_option_is_told_with_its_key(chain: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        chain_options(SchedulerOptions(), chain)
    assert told in caught.value.message


def test_all_that_is_wrong_is_told() -> None:
    problems = chain_problems({"unknown_key": 1, "max_attempts": "x", "host_subset_size": []})
    assert [problem.path for problem in problems] == [("unknown_key",), ("max_attempts",), ("host_subset_size",)]


def test_options_that_contradict_the_base_are_told() -> None:
    base = SchedulerOptions(pci_alias=('{"name": "a", "resource_class": "CUSTOM_A"}',), pci_in_placement=True)
    with pytest.raises(InvalidSettingError, match="alias 'a' needs vendor_id and product_id"):
        chain_options(base, {"pci_in_placement": False})
