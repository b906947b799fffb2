"""Requests share a class view when every filter of the chain sees the same of them, and have none where one may not."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
import pytest

from engine.inventory.usage import flavor_amounts
from engine.model.aggregate import Aggregate
from engine.model.image import Image
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import DEFAULT_FILTERS, PLACEMENT_FILTERS
from engine.scheduler.registry import all_filters
from tests.builders import host_table, only, request, selector

PLAIN = request()


def key(spec: RequestSpec, *filters: str, **options: object) -> Hashable:
    return only(filters=filters, **options).class_key(spec, flavor_amounts(spec.flavor))


def flavored(**extra_specs: str) -> RequestSpec:
    return request(extra_specs=extra_specs)


def imaged(**properties: str) -> RequestSpec:
    return request(properties=properties)


DIFFERENCES: dict[str, RequestSpec] = {
    "ZoneFilter": request(availability_zone="az1"),
    "AvailabilityZoneFilter": request(availability_zone="az1"),
    "MemberOfFilter": request(member_of=(frozenset({"a"}),)),
    "TraitsFilter": request(required_traits=frozenset({"CUSTOM_A"})),
    "ComputeCapabilitiesFilter": flavored(gpu="1"),
    "AggregateInstanceExtraSpecsFilter": flavored(ssd="true"),
    "ImagePropertiesFilter": imaged(architecture="s390"),
    "AggregateImagePropertiesIsolation": imaged(os_distro="debian"),
    "AggregateMultiTenancyIsolation": request(project_id="red"),
    "AggregateTypeAffinityFilter": replace(PLAIN, flavor=replace(PLAIN.flavor, name="large")),
    "JsonFilter": request(scheduler_hints={"query": ("[]",)}),
    "SimpleCIDRAffinityFilter": request(scheduler_hints={"build_near_host_ip": ("10.0.0.1",)}),
    "IsolatedHostsFilter": replace(PLAIN, image=Image("secret")),
}
"""For each text filter that looks at more than amounts, a request that is another to it alone."""


def test_every_text_filter_says_what_it_looks_at() -> None:
    keyed = {name for name, plugin in all_filters().items() if plugin.kind == "text" and plugin.request_key is not None}
    assert keyed == set(DIFFERENCES)
    amounts_alone = {"AllHostsFilter", "AllocationUnitsFilter", "MetricsFilter"}
    assert {name for name, plugin in all_filters().items() if plugin.kind == "text"} == keyed | amounts_alone


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_a_filter_looks_at_makes_a_class_where_the_chain_has_the_filter(name: str) -> None:
    options = {"isolated_images": ("secret",)}
    spec = DIFFERENCES[name]
    assert key(spec, name, **options) != key(PLAIN, name, **options)
    assert key(spec, "ComputeFilter", **options) == key(PLAIN, "ComputeFilter", **options)


def test_amounts_and_rebuilds_make_classes_under_every_chain() -> None:
    assert key(PLAIN) != key(request(vcpus=2))
    assert key(PLAIN) != key(request(scheduler_hints={"_nova_check_type": ("rebuild",)}))
    assert key(PLAIN) == key(request(num_instances=2, user_id="u", ignore_hosts=("h0",)))


def test_projects_flavor_names_and_images_share_a_class_by_default() -> None:
    defaults = (*PLACEMENT_FILTERS, *DEFAULT_FILTERS)
    other = replace(
        PLAIN,
        project_id="red",
        image=Image("i", properties={"os_distro": "debian"}),
        flavor=replace(PLAIN.flavor, name="x"),
    )
    assert key(PLAIN, *defaults) == key(other, *defaults)


def test_images_are_told_apart_only_as_isolated_or_not() -> None:
    options = {"isolated_images": ("a", "b")}
    keys = [key(replace(PLAIN, image=Image(name)), "IsolatedHostsFilter", **options) for name in ("a", "b", "c", "d")]
    assert keys[0] == keys[1] != keys[2] == keys[3]


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("SameHostFilter", request(scheduler_hints={"same_host": ("a",)})),
        ("DifferentHostFilter", request(scheduler_hints={"different_host": ("a",)})),
        ("JsonFilter", request(scheduler_hints={"query": ('[">", "$free_ram_mb", 1]',)})),
        ("ComputeCapabilitiesFilter", request(extra_specs={"capabilities:free_ram_mb": ">= 1"})),
    ],
)
def test_hints_of_instances_and_texts_about_usage_have_no_class(name: str, spec: RequestSpec) -> None:
    chain = only(filters=[name])
    assert not chain.has_class(spec)
    assert chain.has_class(PLAIN)
    assert only(filters=["ComputeFilter"]).has_class(spec)
    chosen = selector(host_table([{}]), chain)
    assert not chosen.uses_view(spec, None)
    assert chosen.uses_view(PLAIN, None)


def test_a_text_about_facts_has_a_class() -> None:
    chain = only(filters=["JsonFilter", "ComputeCapabilitiesFilter"])
    hints = {"query": ('["=", "$hypervisor_type", "QEMU"]',)}
    assert chain.has_class(request(scheduler_hints=hints, extra_specs={"capabilities:hypervisor_type": "QEMU"}))


def test_a_view_sees_new_metadata_of_an_aggregate_whose_hosts_stay() -> None:
    limit = "max_instances_per_host"
    hosts = [{"num_instances": 3, "memory_mb": 131_072}, {"num_instances": 1}]
    table = host_table(hosts, aggregates=[Aggregate("a", "a", frozenset({"h0"}), {limit: "2"})])
    chosen = selector(table, only(filters=["AggregateNumInstancesFilter"], weighers=["RAMWeigher"]))
    # without alternates: a view that picked several hosts looks at their blocks anew anyway
    spec = request(alternates=0)
    assert chosen.uses_view(spec, None)

    def best() -> int:
        (found,) = chosen.select(spec, claim=False)
        return found.row

    assert best() == 1
    table.set_aggregate(Aggregate("a", "a", frozenset({"h0"}), {limit: "4"}))
    assert best() == 0
    table.set_aggregate(Aggregate("a", "a", frozenset({"h0"}), {limit: "3"}))
    assert best() == 1
    table.delete_aggregate("a")
    assert best() == 0


def test_a_batch_keeps_a_limit_of_an_aggregate_request_by_request() -> None:
    aggregates = [Aggregate("a", "a", frozenset({"h0"}), {"max_instances_per_host": "2"})]
    table = host_table([{}, {}], aggregates=aggregates)
    chain = only(filters=["AggregateNumInstancesFilter"], weighers=["RAMWeigher"], max_instances_per_host=3)
    views = selector(table, chain).views
    amounts = flavor_amounts(PLAIN.flavor)
    slot = views.slot(chain.class_key(PLAIN, amounts), PLAIN, amounts)
    many = 6
    placed = views.place(np.full(many, slot), np.full(many, views.shape(amounts)), claim=True)
    assert sorted(placed.rows[:, 0].tolist()) == [-1, 0, 0, 1, 1, 1]
