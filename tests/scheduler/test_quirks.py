"""Where nova is wrong or gives up: its answer with nova_quirks and the right one, by the rows of the README's table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from engine.model.aggregate import Aggregate
from engine.model.request_spec import RequestSpec
from engine.scheduler.faults import FilterFault
from tests.builders import HostFacts, host_table, only, passing, request, selector, weights


@dataclass(frozen=True)
class Quirk:
    """A question to one filter, the exception that nova ends in (or the hosts it lets pass), and the right hosts."""

    filter: str
    hosts: Sequence[HostFacts]
    spec: RequestSpec
    novas: str | frozenset[str]
    right: frozenset[str]
    aggregates: Sequence[Aggregate] = ()


def hint(**hints: str) -> RequestSpec:
    return request(scheduler_hints={name: (value,) for name, value in hints.items()})


def stats(**facts: str) -> HostFacts:
    return {"stats": json.dumps(facts)}


X86 = {"supported_instances": ["x86_64/kvm/hvm"], "hypervisor_version": 8002002}
IN_ORDER = [Aggregate("a", "a", frozenset({"h0"}), {"gb": "many, 64"}), Aggregate("b", "b", frozenset({"h1"}), {})]

QUIRKS = {
    "a capability that is no number": Quirk(
        "ComputeCapabilitiesFilter",
        [stats(gpus="some"), stats(gpus="4"), stats(gpus="1")],
        request(extra_specs={"capabilities:gpus": ">= 2"}),
        "ValueError",
        frozenset({"h1"}),
    ),
    "an <or> of nothing": Quirk(
        "ComputeCapabilitiesFilter",
        [stats(gpus="4"), {}],
        request(extra_specs={"gpus": "<or>"}),
        "IndexError",
        frozenset({"h1"}),
    ),
    "a value of an aggregate that is no number": Quirk(
        "AggregateInstanceExtraSpecsFilter",
        [{}, {}],
        request(extra_specs={"gb": ">= 32"}),
        "ValueError",
        frozenset({"h0"}),
        IN_ORDER,
    ),
    "an image's address width": Quirk(
        "ImagePropertiesFilter",
        [{**X86, "cpu_info": '{"maxphysaddr": {"bits": 39}}'}, {**X86, "cpu_info": '{"maxphysaddr": {"bits": 46}}'}],
        request(properties={"hw_architecture": "x86_64", "hw_maxphysaddr_bits": "46"}),
        "AttributeError",
        frozenset({"h1"}),
    ),
    "a property that is none of nova's names": Quirk(
        "ImagePropertiesFilter",
        [X86],
        request(properties={"hw_architecture": "vax"}),
        "ValueError",
        frozenset(),
    ),
    "a query that one host has no answer to": Quirk(
        "JsonFilter",
        [{"cpu_info": "{}"}, {"never_reported": True}],
        hint(query='["or", ["=", 1, 1], ["<", "$cpu_info", 5]]'),
        "TypeError",
        frozenset({"h1"}),
    ),
    "a query that is no JSON": Quirk("JsonFilter", [{}], hint(query="[>="), "JSONDecodeError", frozenset()),
    "a not within a query": Quirk(
        "JsonFilter",
        [{"num_io_ops": 0}, {"num_io_ops": 3}],
        hint(query='["and", ["not", ["=", "$num_io_ops", 3]]]'),
        frozenset({"h0", "h1"}),
        frozenset({"h0"}),
    ),
    "an address in a query": Quirk(
        "JsonFilter",
        [{"host_ip": "10.0.0.1"}, {"host_ip": "10.0.0.2"}],
        hint(query='["in", "$host_ip", "10.0.0.1", "10.0.0.9"]'),
        frozenset(),
        frozenset({"h0"}),
    ),
    "an address in a query with another family": Quirk(
        "JsonFilter",
        [{"host_ip": "10.0.0.1"}],
        hint(query='[">", "$host_ip", "10.0.0.0"]'),
        "TypeError",
        frozenset({"h0"}),
    ),
    "hints that make no network": Quirk(
        "SimpleCIDRAffinityFilter",
        [{"host_ip": "10.0.0.1"}],
        hint(build_near_host_ip="10.0.0", cidr="/24"),
        "AddrFormatError",
        frozenset(),
    ),
    "a host without an address": Quirk(
        "SimpleCIDRAffinityFilter",
        [{"host_ip": "10.0.0.1"}, {}],
        hint(build_near_host_ip="10.0.0.9"),
        "TypeError",
        frozenset({"h0"}),
    ),
    "a host that never reported metrics": Quirk(
        "MetricsFilter",
        [{"metrics": '{"cpu": 1}'}, {"never_reported": True}],
        request(),
        "TypeError",
        frozenset({"h0"}),
    ),
}


@pytest.mark.parametrize("name", QUIRKS)
def test_a_filter_gives_novas_answer_with_quirks_and_the_right_one_without(name: str) -> None:
    quirk = QUIRKS[name]

    def answer(*, nova_quirks: bool) -> set[str]:
        return passing(quirk.filter, quirk.hosts, quirk.spec, aggregates=quirk.aggregates, nova_quirks=nova_quirks)

    assert answer(nova_quirks=False) == quirk.right
    if isinstance(quirk.novas, str):
        with pytest.raises(FilterFault) as caught:
            answer(nova_quirks=True)
        assert caught.value.nova_exception == quirk.novas
    else:
        assert answer(nova_quirks=True) == quirk.novas


def test_a_required_metric_that_is_missing_leaves_the_host_out_or_ends_the_request() -> None:
    hosts = [{"metrics": '{"cpu": 1}'}, {}, {"metrics": '{"cpu": 3}'}]
    setting = ("cpu=1",)
    assert weights("MetricsWeigher", hosts, metrics_weight_setting=setting) == {"h0": 0.0, "h2": 1.0}
    with pytest.raises(FilterFault) as caught:
        weights("MetricsWeigher", hosts, metrics_weight_setting=setting, nova_quirks=True)
    assert caught.value.nova_exception == "ComputeHostMetricNotFound"


def test_a_host_that_never_reported_is_no_candidate_or_ends_the_request() -> None:
    table = host_table([{}, {"never_reported": True}, {}])
    chosen = selector(table, only(weighers=["CPUWeigher"], filters=["CapacityFilter"])).select(request())
    assert {row for item in chosen for row in (item.row, *item.alternates)} == {0, 2}
    with pytest.raises(FilterFault) as caught:
        selector(table, only(weighers=["CPUWeigher"], nova_quirks=True)).select(request())
    assert caught.value.nova_exception == "TypeError"


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "Infinity", "1e999"])
def test_an_aggregates_multiplier_that_is_not_finite_is_none_or_leaves_the_hosts_without_an_order(text: str) -> None:
    hosts = [{"free_ram_mb": free} for free in (1024, 4096, 2048)]
    aggregates = [Aggregate("a", "a", frozenset({"h0", "h1", "h2"}), {"ram_weight_multiplier": text})]
    assert weights("RAMWeigher", hosts, aggregates=aggregates) == {"h0": 0.25, "h1": 1.0, "h2": 0.5}
    novas = weights("RAMWeigher", hosts, aggregates=aggregates, nova_quirks=True)
    assert all(not abs(weight) < float("inf") for weight in novas.values())
