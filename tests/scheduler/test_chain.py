"""A chain is what the options name: placement's filters, then nova's, and the weighers in the order they are summed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InvalidSettingError
from engine.inventory.usage import flavor_amounts
from engine.model.aggregate import Aggregate
from engine.scheduler.chain import Chain, multiplier_overrides
from engine.scheduler.options import ALL_WEIGHERS, PLACEMENT_FILTERS, SchedulerOptions
from engine.scheduler.registry import Filter, Weigher, nova_weighers
from tests.builders import host_table, only, request

IDLE = {"ImagePropertiesWeigher", "MetricsWeigher"}
"""The weighers that nova's own defaults give nothing to say."""
NOVAS = {item.name for item in nova_weighers()}


def names(plugins: tuple[Filter, ...] | tuple[Weigher, ...]) -> list[str]:
    return [plugin.name for plugin in plugins]


def test_placements_filters_come_before_novas_in_the_order_of_the_options() -> None:
    options = SchedulerOptions(enabled_filters=("NumInstancesFilter", "ComputeFilter"))
    assert names(Chain.from_options(options).filters) == [*PLACEMENT_FILTERS, "NumInstancesFilter", "ComputeFilter"]


def test_a_plugin_named_twice_runs_once() -> None:
    chain = only(filters=["IoOpsFilter", "CapacityFilter", "IoOpsFilter"], weighers=["RAMWeigher", ALL_WEIGHERS])
    assert names(chain.filters) == ["IoOpsFilter", "CapacityFilter"]
    assert names(chain.weighers)[0] == "RAMWeigher"
    assert sorted(names(chain.weighers)) == sorted(NOVAS - IDLE)


def test_weighers_that_the_options_give_nothing_to_say_are_left_out() -> None:
    told = {"image_props_weight_multiplier": -1.0, "metrics_weight_setting": ("cpu=1",)}
    assert set(names(Chain.from_options(SchedulerOptions(**told)).weighers)) == NOVAS  # type: ignore[arg-type]
    for options in (SchedulerOptions(), SchedulerOptions(metrics_weight_setting=("cpu", "=1", "cpu=x"))):
        assert NOVAS - set(names(Chain.from_options(options).weighers)) == IDLE
    assert names(only(weighers=["MetricsWeigher", "RAMWeigher"]).weighers) == ["RAMWeigher"]


def test_novas_dotted_names_are_accepted() -> None:
    chain = only(
        filters=["nova.scheduler.filters.compute_filter.ComputeFilter"],
        weighers=["nova.scheduler.weights.ram.RAMWeigher"],
    )
    assert (names(chain.filters), names(chain.weighers)) == (["ComputeFilter"], ["RAMWeigher"])


@pytest.mark.parametrize(
    "options",
    [
        SchedulerOptions(enabled_filters=("NovelFilter",)),
        SchedulerOptions(placement_filters=("NovelFilter",)),
        SchedulerOptions(weight_classes=("nova.scheduler.weights.pci.NovelWeigher",)),
    ],
)
def test_an_unknown_plugin_is_refused_with_those_there_are(options: SchedulerOptions) -> None:
    with pytest.raises(InvalidSettingError, match="there are: "):
        Chain.from_options(options)


def novelty(novel_column: int) -> bool:
    return novel_column > 0


@pytest.mark.parametrize("kind", ["filter", "weigher"])
def test_a_parameter_that_names_nothing_is_refused(kind: str) -> None:
    chosen = Filter("NovelFilter", "column", novelty, "new")
    weigher = Weigher("NovelWeigher", "column", novelty, "ram_weight_multiplier")
    filters, weighers = ((chosen,), ()) if kind == "filter" else ((), (weigher,))
    with pytest.raises(InvalidSettingError, match="'novel_column' is no column") as caught:
        _ = Chain(SchedulerOptions(), filters, weighers).plan
    assert caught.value.details["parameter"] == "novel_column"


def test_weighers_can_be_summed_in_a_given_order() -> None:
    order = ["RAMWeigher", "CPUWeigher"]
    chain = Chain.from_options(SchedulerOptions(weight_classes=("CPUWeigher", "RAMWeigher")), weigher_order=order)
    assert names(chain.weighers) == order


def test_a_class_view_scores_neither_sparse_weighers_nor_those_that_count_nothing() -> None:
    chain = Chain.from_options(SchedulerOptions(disk_weight_multiplier=0.0))
    scored = {chain.weighers[index].name for index in chain.view_weighers}
    assert scored == {
        "BuildFailureWeigher",
        "CPUWeigher",
        "HypervisorVersionWeigher",
        "IoOpsWeigher",
        "PCIWeigher",
        "RAMWeigher",
    }
    assert len(chain.view_multipliers) == len(scored)


def test_multipliers_have_their_sign() -> None:
    chain = only(weighers=["BuildFailureWeigher", "RAMWeigher"], build_failure_weight_multiplier=5.0)
    assert chain.multipliers.tolist() == [-5.0, 1.0]


def test_only_filters_that_the_request_concerns_run() -> None:
    chain = Chain.from_options(SchedulerOptions())
    assert "TraitsFilter" not in names(chain.applies(request()))
    assert "TraitsFilter" in names(chain.applies(request(required_traits=frozenset({"CUSTOM_A"}))))
    rebuild = request(scheduler_hints={"_nova_check_type": ("rebuild",)}, required_traits=frozenset({"CUSTOM_A"}))
    assert names(chain.applies(rebuild)) == ["ImagePropertiesFilter"]


def test_a_verdict_has_a_bit_for_each_column_filter() -> None:
    chain = only(filters=["IoOpsFilter", "ZoneFilter", "NumInstancesFilter"])
    table = host_table([{}, {"num_io_ops": 8}, {"num_instances": 50}, {"num_io_ops": 8, "num_instances": 50}])
    bits = chain.verdicts(table.snapshot(), flavor_amounts(request().flavor))
    assert bits[:4].tolist() == [0, 1, 2, 3]


def test_aggregates_override_multipliers_for_their_hosts() -> None:
    chain = only(weighers=["RAMWeigher", "BuildFailureWeigher", "CPUWeigher"], ram_weight_multiplier=7.0)
    aggregates = [
        Aggregate("a", "a", frozenset({"h0", "h1"}), {"ram_weight_multiplier": "3"}),
        Aggregate("b", "b", frozenset({"h1"}), {"ram_weight_multiplier": "2", "build_failure_weight_multiplier": "4"}),
    ]
    table = host_table([{}, {}, {}], aggregates=aggregates)
    overrides = multiplier_overrides(chain, table)
    assert overrides.overridden.tolist() == [True, True, False]
    assert overrides.by_membership[0, table.columns["membership"][:3]].tolist() == [3.0, 2.0, 7.0]
    assert overrides.by_membership[1, table.columns["membership"][:3]].tolist() == [-1e6, -4.0, -1e6]


def test_overrides_survive_the_removal_of_an_aggregate() -> None:
    chain = only(weighers=["RAMWeigher"])
    aggregates = [
        Aggregate("a", "a", frozenset({"h0"}), {"ram_weight_multiplier": "3"}),
        Aggregate("b", "b", frozenset({"h0", "h1"}), {"ram_weight_multiplier": "2"}),
    ]
    table = host_table([{}, {}], aggregates=aggregates)
    picture = table.snapshot()
    table.delete_aggregate("a")
    table.set_aggregate(Aggregate("c", "c", frozenset({"h1"})))
    for fleet, expected in ((table, [2.0, 2.0]), (picture, [2.0, 2.0])):
        by_membership = multiplier_overrides(chain, fleet).by_membership
        assert by_membership[0, fleet.columns["membership"][:2]].tolist() == expected


def test_without_overrides_there_is_no_table_of_them() -> None:
    chain = only(weighers=["RAMWeigher"])
    table = host_table([{}], aggregates=[Aggregate("a", "a", frozenset({"h0"}), {"rack": "1"})])
    overrides = multiplier_overrides(chain, table)
    assert not overrides.any
    assert overrides.by_membership.size == 0
    np.testing.assert_array_equal(overrides.overridden, [False])
