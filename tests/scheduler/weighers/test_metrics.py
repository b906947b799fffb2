"""Hosts are weighed by what their monitors measure, and one that does not measure it is an error or comes last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from engine.model.aggregate import Aggregate
from engine.scheduler.explain import explain
from engine.scheduler.faults import FilterFault
from engine.scheduler.sparse import SelectionContext
from tests.builders import HostFacts, host_table, only, request, selector, weights

NAME = "MetricsWeigher"


def host(**metrics: int) -> HostFacts:
    return {"metrics": json.dumps(metrics)}


def weighed(
    hosts: list[HostFacts], *setting: str, aggregates: tuple[Aggregate, ...] = (), **options: Any
) -> Mapping[str, float]:
    return weights(NAME, hosts, aggregates=aggregates, metrics_weight_setting=setting, **options)


def test_the_weight_is_the_sum_of_metrics_times_ratios_between_its_least_and_most() -> None:
    hosts = [host(cpu=10, load=0), host(cpu=0, load=4), host(cpu=30, load=10)]
    # 10, -8 and 10
    assert weighed(hosts, "cpu=1", "load=-2") == {"h0": 1.0, "h1": 0.0, "h2": 1.0}


def test_a_name_that_comes_twice_counts_twice() -> None:
    hosts = [host(cpu=2, load=0), host(cpu=0, load=3), host(cpu=0, load=0)]
    assert weighed(hosts, "cpu=1", "load=1", "cpu=1")["h0"] == 1.0
    assert weighed(hosts, "cpu=1", "load=1", "cpu=1")["h1"] == 0.75


def test_large_counters_keep_their_order() -> None:
    assert weighed([host(time=2**62), host(time=2**62 - 2**20)], "time=1.0") == {"h0": 1.0, "h1": 0.0}


def test_without_a_valid_setting_nothing_is_weighed() -> None:
    assert weighed([host(cpu=1), host()], "cpu", "x=y") == {"h0": 0.0, "h1": 0.0}


def test_a_required_metric_that_is_missing_leaves_the_host_out_or_fails_the_request_as_in_nova() -> None:
    hosts = [host(cpu=1, load=2), host(cpu=1), host(cpu=3, load=2)]
    assert weighed(hosts, "cpu=1", "load=1") == {"h0": 0.0, "h2": 1.0}
    with pytest.raises(FilterFault, match="'h1' does not report the metric 'load'") as caught:
        weighed(hosts, "cpu=1", "load=1", nova_quirks=True)
    assert caught.value.nova_exception == "ComputeHostMetricNotFound"
    # the ratio makes no difference to nova
    with pytest.raises(FilterFault):
        weighed([host(cpu=1), host()], "cpu=0", nova_quirks=True)


def test_a_forced_host_that_lacks_a_required_metric_comes_last() -> None:
    chain = only(weighers=[NAME], metrics_weight_setting=("cpu=1",), metrics_weight_of_unavailable=-5.0)
    spec = request(force_hosts=("h0", "h1"))
    (chosen,) = selector(host_table([host(), host(cpu=1), host(cpu=3)]), chain).select(spec)
    assert (chosen.row, chosen.weight, chosen.alternates) == (1, 1.0, (0,))


def test_a_missing_metric_fails_nothing_on_a_host_that_is_not_weighed() -> None:
    hosts = [host(cpu=1), {**host(), "num_instances": 60}, host(cpu=3)]
    chain = only(filters=["NumInstancesFilter"], weighers=[NAME], metrics_weight_setting=("cpu=1",), nova_quirks=True)
    (chosen,) = selector(host_table(hosts), chain).select(request())
    assert (chosen.row, chosen.weight, chosen.alternates) == (2, 1.0, (0,))
    # as in nova, a host that alone is left is not weighed at all
    (chosen,) = selector(host_table([*hosts[1:2], {}]), chain).select(request())
    assert (chosen.row, chosen.weight) == (1, 0.0)


def test_a_fault_leaves_nothing_claimed() -> None:
    chain = only(weighers=[NAME], metrics_weight_setting=("cpu=1",), nova_quirks=True)
    table = host_table([host(cpu=2), host(cpu=1), host()])
    before = {name: values.tolist() for name, values in table.columns.items() if name != "generation"}
    with pytest.raises(FilterFault):
        selector(table, chain).select(request(num_instances=3))
    assert {name: values.tolist() for name, values in table.columns.items() if name != "generation"} == before


def test_a_fault_ends_an_explanation() -> None:
    chain = only(weighers=[NAME], metrics_weight_setting=("cpu=1",), nova_quirks=True)
    picture = host_table([host(cpu=2), host()]).snapshot()
    with pytest.raises(FilterFault):
        explain(chain, picture, request(), SelectionContext(picture))


def test_an_explanation_shows_the_metrics_term() -> None:
    chain = only(weighers=[NAME], metrics_weight_setting=("cpu=0.5",), metrics_weight_multiplier=3.0)
    picture = host_table([host(cpu=2), host(cpu=4)]).snapshot()
    (_, _, (best,)), (_, _, (other,)) = explain(chain, picture, request(), SelectionContext(picture)).weighed
    assert (best.weigher, best.raw, best.normalized, best.multiplier, best.weight) == (NAME, 2.0, 1.0, 3.0, 3.0)
    assert (other.raw, other.weight) == (1.0, 0.0)


def test_unless_required_a_missing_metric_is_worth_weight_of_unavailable_whatever_else_is_measured() -> None:
    hosts = [host(cpu=1, load=1), host(cpu=90), host(load=90), host()]
    found = weighed(hosts, "cpu=1", "load=1", metrics_required=False, metrics_weight_of_unavailable=-6.0)
    assert found == {"h0": 1.0, "h1": 0.0, "h2": 0.0, "h3": 0.0}


def test_a_missing_metric_is_passed_over_where_it_would_count_nothing() -> None:
    assert weighed([host(cpu=4), host(cpu=2, load=1)], "load=0", "cpu=1", metrics_required=False) == {
        "h0": 1.0,
        "h1": 0.0,
    }
    aggregates = (Aggregate("a", "a", frozenset({"h0"}), {"metrics_weight_multiplier": "0"}),)
    found = weighed([host(), host(cpu=2), host(cpu=4)], "cpu=1", metrics_required=False, aggregates=aggregates)
    assert found == {"h0": 0.0, "h1": 0.5, "h2": 1.0}


def test_the_multiplier_is_the_metrics_groups() -> None:
    hosts = [host(cpu=1), host(cpu=2)]
    assert weighed(hosts, "cpu=1", metrics_weight_multiplier=-2.5) == {"h0": -0.0, "h1": -2.5}
    aggregates = (Aggregate("a", "a", frozenset({"h1"}), {"metrics_weight_multiplier": "7"}),)
    assert weighed(hosts, "cpu=1", aggregates=aggregates) == {"h0": 0.0, "h1": 7.0}


def test_a_report_counts_for_the_next_request() -> None:
    chain = only(weighers=[NAME], metrics_weight_setting=("cpu=1",))
    table = host_table([host(cpu=1), host(cpu=2)])
    chooser = selector(table, chain)
    assert chooser.select(request())[0].row == 1
    table.set_metrics(table.present_rows()[:1], {0: {"cpu": 3}})
    assert chooser.select(request())[0].row == 0
