"""Plug-ins are found by nova's names, and no two can have one name."""

from __future__ import annotations

import pytest

from engine.errors import InvalidSettingError
from engine.scheduler.chain import Chain
from engine.scheduler.options import DEFAULT_FILTERS, PLACEMENT_FILTERS, SchedulerOptions
from engine.scheduler.registry import (
    ALL_FILTERS,
    all_filters,
    all_weighers,
    column_filter,
    column_weigher,
    find_filter,
    find_weigher,
    nova_weighers,
    sparse_filter,
    sparse_weigher,
    text_filter,
)

SUPPORTED_FILTERS = {
    *DEFAULT_FILTERS,
    *PLACEMENT_FILTERS,
    "AggregateCoreFilter",
    "AggregateDiskFilter",
    "AggregateImagePropertiesIsolation",
    "AggregateInstanceExtraSpecsFilter",
    "AggregateIoOpsFilter",
    "AggregateMultiTenancyIsolation",
    "AggregateNumInstancesFilter",
    "AggregateRamFilter",
    "AggregateTypeAffinityFilter",
    "AllHostsFilter",
    "AvailabilityZoneFilter",
    "CoreFilter",
    "DifferentHostFilter",
    "DiskFilter",
    "IoOpsFilter",
    "IsolatedHostsFilter",
    "JsonFilter",
    "MetricsFilter",
    "NumInstancesFilter",
    "RamFilter",
    "RetryFilter",
    "SameHostFilter",
    "SimpleCIDRAffinityFilter",
}
SUPPORTED_WEIGHERS = {
    "BuildFailureWeigher",
    "CPUWeigher",
    "CrossCellWeigher",
    "DiskWeigher",
    "HypervisorVersionWeigher",
    "ImagePropertiesWeigher",
    "IoOpsWeigher",
    "MetricsWeigher",
    "NumInstancesWeigher",
    "PCIWeigher",
    "RAMWeigher",
    "ServerGroupSoftAffinityWeigher",
    "ServerGroupSoftAntiAffinityWeigher",
}


def test_every_supported_plugin_is_registered_under_its_own_name() -> None:
    assert set(all_filters()) >= SUPPORTED_FILTERS
    assert set(all_weighers()) >= SUPPORTED_WEIGHERS
    for table in (all_filters(), all_weighers()):
        assert all(plugin.name == name for name, plugin in table.items())


def test_weighers_come_in_the_order_of_their_files() -> None:
    modules = [weigher.body.__module__ for weigher in all_weighers().values()]
    assert modules == sorted(modules)


@pytest.mark.parametrize("name", ["IoOpsFilter", "nova.scheduler.filters.io_ops_filter.IoOpsFilter"])
def test_a_filter_is_found_with_and_without_novas_module(name: str) -> None:
    assert find_filter(name).name == "IoOpsFilter"


@pytest.mark.parametrize("name", ["RAMWeigher", "nova.scheduler.weights.ram.RAMWeigher"])
def test_a_weigher_is_found_with_and_without_novas_module(name: str) -> None:
    assert find_weigher(name).name == "RAMWeigher"


OWN_WEIGHERS = {"GpuBestFitWeigher", "GpuFragmentationWeigher"}


def test_berth_s_own_weighers_run_only_where_they_are_named() -> None:
    assert {item.name for item in nova_weighers()} == SUPPORTED_WEIGHERS
    assert set(all_weighers()) == SUPPORTED_WEIGHERS | OWN_WEIGHERS
    for name in sorted(OWN_WEIGHERS):
        assert find_weigher(name).name == name
        # they are in none of nova's modules
        with pytest.raises(InvalidSettingError, match="there is no weigher"):
            find_weigher(f"nova.scheduler.weights.gpu.{name}")
    told = SchedulerOptions(weight_classes=("RAMWeigher", *sorted(OWN_WEIGHERS)), gpu_typical_requests=("1:500:1:1",))
    assert {item.name for item in Chain.from_options(told).weighers} == {"RAMWeigher", *OWN_WEIGHERS}


REMOVED_FILTERS = {
    "AggregateCoreFilter": 22,
    "AggregateDiskFilter": 22,
    "AggregateRamFilter": 22,
    "AvailabilityZoneFilter": 28,
    "CoreFilter": 20,
    "DiskFilter": 20,
    "RamFilter": 20,
    "RetryFilter": 22,
}


def test_the_filters_that_nova_dropped_know_since_when() -> None:
    assert {name: item.removed_in for name, item in all_filters().items() if item.removed_in} == REMOVED_FILTERS


def test_all_filters_are_those_that_nova_still_has() -> None:
    chain = Chain.from_options(SchedulerOptions(enabled_filters=(ALL_FILTERS,), placement_filters=()))
    names = {item.name for item in chain.filters}
    assert names >= SUPPORTED_FILTERS - {*REMOVED_FILTERS, *PLACEMENT_FILTERS}
    assert not names & {*REMOVED_FILTERS, *PLACEMENT_FILTERS}


NOVA_MODULES = {
    "all_hosts_filter": ["AllHostsFilter"],
    "affinity_filter": [
        "DifferentHostFilter",
        "SameHostFilter",
        "SimpleCIDRAffinityFilter",
        "ServerGroupAffinityFilter",
    ],
    "aggregate_instance_extra_specs": ["AggregateInstanceExtraSpecsFilter"],
    "compute_filter": ["ComputeFilter"],
    "type_filter": ["AggregateTypeAffinityFilter"],
}


@pytest.mark.parametrize(("module", "names"), NOVA_MODULES.items())
def test_every_filter_of_a_module_is_found_by_its_path(module: str, names: list[str]) -> None:
    for name in names:
        assert find_filter(f"nova.scheduler.filters.{module}.{name}") is find_filter(name)


@pytest.mark.parametrize(
    "name", ["acme.filters.IoOpsFilter", "nova.scheduler.weights.ram.IoOpsFilter", ".IoOpsFilter", "nova.IoOpsFilter"]
)
def test_a_class_of_another_package_is_not_taken_for_novas(name: str) -> None:
    with pytest.raises(InvalidSettingError):
        find_filter(name)
    with pytest.raises(InvalidSettingError):
        find_weigher(name.replace("IoOpsFilter", "RAMWeigher").replace("weights", "filters"))


@pytest.mark.parametrize("name", ["NumaTopologyFilter", "ioopsfilter", "", "RAMWeigher", "a.b."])
def test_an_unknown_filter_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        find_filter(name)
    assert repr(name) in caught.value.message
    assert all(known in caught.value.message for known in SUPPORTED_FILTERS)
    assert caught.value.details["name"] == name


def test_an_unknown_weigher_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidSettingError, match="NovelWeigher") as caught:
        find_weigher("NovelWeigher")
    assert all(known in caught.value.message for known in SUPPORTED_WEIGHERS)


@pytest.mark.parametrize(
    "register",
    [
        column_filter("IoOpsFilter", reason="again"),
        text_filter("IoOpsFilter", reason="again", reads=("profile",), request_key=None),
        sparse_filter("IoOpsFilter", reason="again"),
        column_weigher("RAMWeigher", multiplier="ram_weight_multiplier"),
        sparse_weigher("RAMWeigher", multiplier="ram_weight_multiplier", applies=bool),
    ],
)
def test_a_name_is_taken_once(register: object) -> None:
    all_filters()
    all_weighers()

    def other(num_io_ops: int) -> bool:
        return num_io_ops > 0

    assert callable(register)
    with pytest.raises(InvalidSettingError, match="registered twice"):
        register(other)
    assert find_filter("IoOpsFilter").body is not other
    assert find_weigher("RAMWeigher").body is not other


def test_a_plugin_knows_its_parameters() -> None:
    assert find_filter("IoOpsFilter").parameters == ("num_io_ops", "max_io_ops_per_host")
    assert find_weigher("RAMWeigher").parameters == ("free_ram_mb",)
