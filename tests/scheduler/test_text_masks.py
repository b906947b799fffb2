"""What text filters said of all hosts is kept until facts change, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from engine.inventory.table import HostTable
from engine.inventory.usage import flavor_amounts
from engine.model.aggregate import Aggregate
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.faults import FilterFault
from engine.scheduler.text_masks import TextMasks
from tests.builders import fleet, host_table, only, request

IMAGES = only(filters=["ImagePropertiesFilter"])
X86, ARM, PPC = ({"supported_instances": [f"{name}/kvm/hvm"]} for name in ("x86_64", "aarch64", "ppc64"))
HOSTS = [X86, ARM, PPC]


def rows_of(table: HostTable, chain: Chain, spec: RequestSpec, masks: TextMasks) -> list[int]:
    return masks.passing(chain.filters, spec, flavor_amounts(spec.flavor), table.present_rows()).tolist()


def wants(architecture: str) -> RequestSpec:
    return request(properties={"hw_architecture": architecture})


def test_requests_that_ask_for_the_same_share_a_mask_and_others_do_not() -> None:
    table = host_table(HOSTS)
    masks = TextMasks(table, IMAGES.options)
    assert rows_of(table, IMAGES, wants("x86_64"), masks) == [0]
    assert rows_of(table, IMAGES, wants("aarch64"), masks) == [1]
    # were it asked again it would find that the hosts now differ: no revision says so
    table.columns["profile"][:3] = table.columns["profile"][[1, 0, 2]]
    assert rows_of(table, IMAGES, wants("x86_64"), masks) == [0]
    assert rows_of(table, IMAGES, wants("i686"), masks) == []


def test_a_change_of_facts_makes_masks_anew() -> None:
    table = host_table(HOSTS)
    masks = TextMasks(table, IMAGES.options)
    assert rows_of(table, IMAGES, wants("aarch64"), masks) == [1]
    table.upsert(fleet([ARM, PPC, X86]))
    assert rows_of(table, IMAGES, wants("aarch64"), masks) == [0]


def test_a_change_of_aggregates_makes_masks_anew() -> None:
    chain = only(filters=["AggregateInstanceExtraSpecsFilter"])
    spec = request(extra_specs={"aggregate_instance_extra_specs:ssd": "true"})
    table = host_table([{}, {}])
    masks = TextMasks(table, chain.options)
    assert rows_of(table, chain, spec, masks) == []
    table.set_aggregate(Aggregate("a", "a", frozenset({"h1"}), {"ssd": "true"}))
    assert rows_of(table, chain, spec, masks) == [1]


def test_what_a_filter_says_of_usage_is_asked_each_time() -> None:
    chain = only(filters=["JsonFilter"])
    spec = request(scheduler_hints={"query": ['[">=","$free_ram_mb",60000]']})
    table = host_table([{}, {}])
    masks = TextMasks(table, chain.options)
    assert rows_of(table, chain, spec, masks) == [0, 1]
    table.apply(0, 1, flavor_amounts(request(memory_mb=30_000).flavor))
    assert rows_of(table, chain, spec, masks) == [1]


def test_a_part_of_the_fleet_is_answered_in_its_own_order() -> None:
    table = host_table([X86] * 4)
    masks = TextMasks(table, IMAGES.options)
    spec = wants("x86_64")
    amounts = flavor_amounts(spec.flavor)
    for rows in ([3, 1], [2, 0, 3, 1]):
        assert masks.passing(IMAGES.filters, spec, amounts, np.array(rows)).tolist() == rows


def test_masks_beyond_the_budget_are_made_again() -> None:
    table = host_table(HOSTS)
    masks = TextMasks(table, IMAGES.options, budget_bytes=0)
    for _ in range(2):
        for architecture, expected in (("x86_64", [0]), ("aarch64", [1]), ("i686", [])):
            assert rows_of(table, IMAGES, wants(architecture), masks) == expected


def test_a_fault_is_raised_each_time() -> None:
    chain = only(filters=["ImagePropertiesFilter"], nova_quirks=True)
    table = host_table(HOSTS)
    masks = TextMasks(table, chain.options)
    for _ in range(2):
        with pytest.raises(FilterFault):
            rows_of(table, chain, wants("pdp11"), masks)
