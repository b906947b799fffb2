"""What text filters said of all hosts is kept, shared, and brought up to date for the hosts whose facts change."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts, flavor_amounts
from engine.model.aggregate import Aggregate
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.faults import FilterFault
from engine.scheduler.static_mask import text_mask
from engine.scheduler.text_masks import TextMask, TextMasks
from engine.scheduler.text_verdicts import text_verdicts
from engine.scheduler.translate import requested_amounts
from tests.builders import fleet, host_table, only, request
from tests.scheduler import text_worlds

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


def amounts_of(spec: RequestSpec) -> Amounts:
    return requested_amounts(spec)


def test_masks_of_which_the_same_hosts_pass_are_one_array() -> None:
    table = host_table(HOSTS)
    masks = TextMasks(table, IMAGES.options)
    first, other, none = (
        masks.mask(IMAGES.filters, spec, amounts_of(spec))
        for spec in (wants("x86_64"), request(vcpus=7, properties={"hw_architecture": "x86_64"}), wants("aarch64"))
    )
    assert first.values is other.values
    assert first.values is not none.values
    assert (first.values[:4].tolist(), none.values[:4].tolist()) == ([1, 0, 0, 0], [0, 1, 0, 0])


def test_a_host_that_comes_to_differ_is_all_that_is_asked_about() -> None:
    table = host_table([X86, ARM, *[X86] * 300])
    chain = only(filters=["ImagePropertiesFilter"])
    masks = TextMasks(table, chain.options)
    specs = [wants("x86_64"), request(vcpus=3, properties={"hw_architecture": "x86_64"}), wants("aarch64")]
    old = [masks.mask(chain.filters, spec, amounts_of(spec)) for spec in specs]
    before = text_verdicts(table, chain.options).calls
    table.upsert(fleet([X86, {**X86, "host_id": "h1", "availability_zone": ""}]))
    new = [masks.refreshed(mask, chain.filters, spec, amounts_of(spec)) for mask, spec in zip(old, specs, strict=True)]
    assert [rows.tolist() for _, rows in new if rows is not None] == [[1], [1], [1]]
    assert new[0][0].values is new[1][0].values
    assert old[0].values[1] == 0
    assert text_verdicts(table, chain.options).calls == before
    again = masks.refreshed(new[0][0], chain.filters, specs[0], amounts_of(specs[0]))
    assert (again[0], again[1].tolist() if again[1] is not None else None) == (new[0][0], [])


def test_a_change_that_no_filter_minds_keeps_the_array() -> None:
    table = host_table(HOSTS)
    masks = TextMasks(table, IMAGES.options)
    spec = wants("x86_64")
    old = masks.mask(IMAGES.filters, spec, amounts_of(spec))
    table.upsert(fleet([{**X86, "disabled": True}]))
    new, rows = masks.refreshed(old, IMAGES.filters, spec, amounts_of(spec))
    assert new.values is old.values
    assert rows is not None
    assert rows.tolist() == []
    assert new.revision == table.facts_revision > old.revision


def test_a_zone_that_its_last_host_leaves_decides_about_the_others_too() -> None:
    chain = only(filters=["ZoneFilter"])
    table = host_table([{"availability_zone": "az1"}, {"availability_zone": "az2"}])
    masks = TextMasks(table, chain.options)
    spec = request(availability_zone="az1")
    old = masks.mask(chain.filters, spec, amounts_of(spec))
    assert old.values[:2].tolist() == [1, 0]
    table.upsert(fleet([{"availability_zone": "az2"}]))
    new, rows = masks.refreshed(old, chain.filters, spec, amounts_of(spec))
    # no host names the zone any more, so it restricts nothing
    assert new.values[:2].tolist() == [1, 1]
    assert rows is not None
    assert rows.tolist() == [1]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), hosts=st.one_of(st.integers(1, 30), st.sampled_from((254, 256, 300))))
def test_a_mask_is_what_the_filters_say_of_each_host_whatever_happened_before(seed: int, hosts: int) -> None:
    rng = random.Random(seed)
    table = text_worlds.table(rng, hosts)
    chain = Chain.from_options(text_worlds.options(nova_quirks=rng.random() < 0.4))
    masks = TextMasks(table, chain.options, budget_bytes=rng.choice((0, 1024, 2**20)))
    kept: dict[int, TextMask] = {}
    specs = [spec for spec in (text_worlds.wish(rng) for _ in range(12)) if chain.has_class(spec)]
    for _ in range(6):
        for index, spec in enumerate(specs):
            filters, amounts = chain.applies(spec), amounts_of(spec)
            try:
                expected = text_mask(filters, table, spec, chain.options)
            except FilterFault as fault:
                with pytest.raises(FilterFault) as raised:
                    masks.mask(filters, spec, amounts)
                assert str(raised.value) == str(fault)
                if index in kept:
                    old = kept.pop(index)
                    if old.revision != table.facts_revision:
                        with pytest.raises(FilterFault):
                            masks.refreshed(old, filters, spec, amounts)
                continue
            old = kept.get(index)
            if old is None:
                kept[index] = masks.mask(filters, spec, amounts)
            else:
                kept[index], rows = masks.refreshed(old, filters, spec, amounts)
                if rows is None:
                    assert len(old.values) < len(kept[index].values)
                else:
                    assert rows.tolist() == np.flatnonzero(old.values != expected).tolist()
            assert kept[index].values.tolist() == expected.tolist()
            passing = masks.passing(filters, spec, amounts, table.present_rows())
            assert passing.tolist() == np.flatnonzero(expected).tolist()
        for _ in range(rng.randrange(3)):
            text_worlds.change(rng, table)
