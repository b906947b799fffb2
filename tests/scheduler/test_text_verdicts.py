"""A text filter is called once for each facet it sees of the fleet, and not again for a request that reads the same."""

from __future__ import annotations

import pytest

from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts, flavor_amounts
from engine.model.aggregate import Aggregate
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.registry import all_filters
from engine.scheduler.text_verdicts import TextVerdicts, text_verdicts
from tests.builders import fleet, host_table, only, request

CHAIN = only(filters=["ImagePropertiesFilter", "AllocationUnitsFilter", "AggregateTypeAffinityFilter"])
X86, ARM = ({"supported_instances": [f"{name}/kvm/hvm"]} for name in ("x86_64", "aarch64"))
WANTS_ARM = request(properties={"hw_architecture": "aarch64"})


def passing(
    table: HostTable, spec: RequestSpec, chain: Chain = CHAIN, amounts: Amounts | None = None
) -> list[int] | None:
    verdicts = text_verdicts(table, chain.options)
    asked = flavor_amounts(spec.flavor) if amounts is None else amounts
    groups = table.fact_groups
    found = verdicts.passing(chain.filters, table, groups, spec, asked)
    return None if found is None else [row for row, number in enumerate(groups.of_rows.tolist()) if found[number]]


def test_hosts_that_a_filter_cannot_tell_apart_are_one_call() -> None:
    zones = [{**kind, "availability_zone": f"az{number}"} for number in range(20) for kind in (X86, ARM)]
    table = host_table(zones)
    verdicts = text_verdicts(table, CHAIN.options)
    assert passing(table, WANTS_ARM) == list(range(1, 40, 2))
    # two kinds of images, one of units, no metadata of aggregates
    assert verdicts.calls == 4
    assert passing(table, request(vcpus=3, properties={"hw_architecture": "aarch64"})) == list(range(1, 40, 2))
    # other amounts concern units alone
    assert verdicts.calls == 5
    table.upsert(fleet([ARM]))
    assert passing(table, WANTS_ARM) == [0, *range(1, 40, 2)]
    assert (text_verdicts(table, CHAIN.options), verdicts.calls) == (verdicts, 5)


def test_metadata_of_an_aggregate_begins_the_verdicts_anew() -> None:
    table = host_table([{}, {}])
    before = text_verdicts(table, CHAIN.options)
    assert passing(table, request()) == [0, 1]
    table.set_aggregate(Aggregate("a", "a", frozenset({"h1"}), {"instance_type": "other"}))
    assert passing(table, request()) == [0]
    assert text_verdicts(table, CHAIN.options) is not before


def test_a_fault_counts_where_the_filters_before_left_a_host() -> None:
    chain = only(filters=["AggregateTypeAffinityFilter", "ImagePropertiesFilter"], nova_quirks=True)
    unknown = request(properties={"hw_architecture": "pdp11"})
    table = host_table([{}], aggregates=[Aggregate("a", "a", frozenset({"h0"}), {"instance_type": "other"})])
    assert passing(table, unknown, chain) == []
    table.upsert(fleet([{}, {"host_id": "free"}]))
    assert passing(table, unknown, chain) is None
    without_quirks = only(filters=["ImagePropertiesFilter"])
    assert passing(table, unknown, without_quirks) == []


def test_each_failing_filter_sets_its_bit() -> None:
    table = host_table([X86, ARM], aggregates=[Aggregate("a", "a", frozenset({"h0", "h1"}), {"instance_type": "x"})])
    verdicts = text_verdicts(table, CHAIN.options)
    filters = [(item, place) for item, place in zip(CHAIN.filters, (3, 0, 63), strict=True)]
    groups = table.fact_groups
    bits = verdicts.failures(filters, table, groups, WANTS_ARM, flavor_amounts(WANTS_ARM.flavor))
    assert bits[groups.of_rows[:2]].tolist() == [1 << 63 | 1 << 3, 1 << 63]
    empty = host_table([])
    none = text_verdicts(empty, CHAIN.options).failures(filters, empty, empty.fact_groups, WANTS_ARM, Amounts(*[0] * 6))
    assert none.tolist() == [0]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.scheduler.text_verdicts._MOST_TABLES", 2)
    table = host_table([X86, ARM])
    for _ in range(3):
        for name, expected in (("x86_64", [0]), ("aarch64", [1]), ("i686", [])):
            assert passing(table, request(properties={"hw_architecture": name})) == expected
    verdicts = text_verdicts(table, CHAIN.options)
    assert isinstance(verdicts, TextVerdicts)
    assert len(verdicts._tables) == 2


def test_every_text_filter_that_only_reads_memberships_says_what_it_sees_of_them() -> None:
    readers = {name for name, item in all_filters().items() if item.kind == "text" and "membership" in item.reads}
    # MemberOfFilter needs which aggregates they are, all the others their metadata
    assert {name for name in readers if all_filters()[name].sees is None} == {"MemberOfFilter"}
