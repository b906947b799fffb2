"""nova's scheduler options: their defaults and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidSettingError
from engine.scheduler.options import SchedulerOptions


def test_nova_s_defaults_of_what_narrows_a_request() -> None:
    options = SchedulerOptions()
    assert options.max_placement_results == 1000
    assert not any(
        (
            options.limit_tenants_to_placement_aggregate,
            options.placement_aggregate_required_for_tenants,
            options.query_placement_for_image_type_support,
            options.enable_isolated_aggregate_filtering,
            options.image_metadata_prefilter,
            options.query_placement_for_routed_network_aggregates,
            options.disable_fallback_pcpu_query,
            options.packing_host_numa_cells_allocation_strategy,
            options.pci_in_placement,
            options.pci_alias,
            options.owner_nova,
            options.nova_quirks,
        )
    )


def test_aliases_are_read_when_the_options_are_made() -> None:
    gpu = '{"name": "gpu", "vendor_id": "10de", "product_id": "1db4", "device_type": "type-PCI"}'
    assert SchedulerOptions(pci_alias=(gpu,), pci_in_placement=True).pci_alias == (gpu,)


@pytest.mark.parametrize(
    "given",
    [
        {"max_placement_results": 0},
        {"max_placement_results": 2**31},
        {"max_attempts": 0},
        {"pci_alias": ("not json",)},
        {"pci_alias": ('{"name": "gpu"}',), "pci_in_placement": True},
        {"ram_weight_multiplier": float("nan")},
    ],
)
def test_values_that_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettingError):
        SchedulerOptions(**given)
