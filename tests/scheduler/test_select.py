"""Selection's own rules: faults, cells, groups, and what is left behind when nothing is found."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from engine.errors import NoValidHostError
from engine.model.aggregate import Aggregate
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.faults import FilterFault
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector, Step
from engine.scheduler.sparse import GroupState
from tests.builders import host_table, only, request
from tests.oracle.build import build_table, microseconds
from tests.scheduler.fleets import CELLS, NOW

FILTERS = (
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "IoOpsFilter",
    "NumInstancesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
)
SMALL = Flavor("small", 1, 1024, 10)
GPUS = replace(SMALL, extra_specs={"gpus": ">= 2"})


def host(number: int, **changes: Any) -> dict[str, Any]:
    plain = {
        "host": f"h{number}",
        "uuid": str(UUID(int=number, version=4)),
        "vcpus": 8,
        "vcpus_used": 0,
        "memory_mb": 8192 + 1024 * number,
        "memory_mb_used": 0,
        "local_gb": 100,
        "local_gb_used": 0,
        "cpu_allocation_ratio": 1.0,
    }
    return {**plain, **changes}


def selector(*hosts: dict[str, Any], nova_quirks: bool = False) -> Selector:
    table = build_table({"now": NOW, "hosts": list(hosts), "aggregates": []})
    table.refresh_services(microseconds(NOW), 60_000_000)
    options = SchedulerOptions(enabled_filters=FILTERS, nova_quirks=nova_quirks)
    return Selector(table, Chain.from_options(options), random.Random(0))


def usage(of: Selector) -> list[list[float]]:
    names = ("vcpu_used", "free_ram_mb", "free_disk_gb", "num_instances", "num_io_ops", "cpu_free")
    return [of.table.columns[name].tolist() for name in names]


@pytest.mark.parametrize("many", [1, 2])
def test_a_fault_on_a_host_that_an_earlier_filter_removed_is_none(many: int) -> None:
    down = host(0, stats={"gpus": "some"}, service={"disabled": True})
    of = selector(down, host(1, stats={"gpus": "4"}), host(2, stats={"gpus": "1"}), nova_quirks=True)
    assert [item.row for item in of.select(RequestSpec(GPUS, num_instances=many))] == [1] * many


@pytest.mark.parametrize("many", [1, 2])
def test_a_fault_on_a_host_still_in_the_running_passes_it_over_or_fails_the_request_as_in_nova(many: int) -> None:
    hosts = host(0, stats={"gpus": "some"}), host(1, stats={"gpus": "4"})
    assert [item.row for item in selector(*hosts).select(RequestSpec(GPUS, num_instances=many))] == [1] * many
    of = selector(*hosts, nova_quirks=True)
    before = usage(of)
    with pytest.raises(FilterFault) as caught:
        of.select(RequestSpec(GPUS, num_instances=many))
    assert caught.value.nova_exception == "ValueError"
    assert usage(of) == before


@pytest.mark.parametrize("many", [1, 2])
def test_counting_rejections_does_not_fault_either(many: int) -> None:
    of = selector(host(0, stats={"gpus": "some"}, service={"disabled": True}), host(1, stats={"gpus": "1"}))
    with pytest.raises(NoValidHostError) as caught:
        of.select(RequestSpec(GPUS, num_instances=many))
    assert caught.value.rejections["TraitsFilter"] == 1
    assert caught.value.rejections["ComputeCapabilitiesFilter"] == 1


@pytest.mark.parametrize("weighing", [False, True])
def test_alternates_are_of_the_chosen_hosts_cell(weighing: bool) -> None:
    of = selector(*(host(number, cell_uuid=CELLS[number % 2]) for number in range(7)))
    steps: list[Step] | None = [] if weighing else None
    (chosen,) = of.select(RequestSpec(SMALL), steps=steps)
    assert (chosen.row, chosen.alternates) == (6, (4, 2))
    assert of.table.columns["num_instances"].sum() == 1


def test_alternates_of_a_far_cell_are_found_however_many_hosts_weigh_more() -> None:
    best = host(99, cell_uuid=CELLS[1])
    of = selector(*(host(10 + number, cell_uuid=CELLS[0]) for number in range(30)), host(0, cell_uuid=CELLS[1]), best)
    (chosen,) = of.select(RequestSpec(SMALL))
    assert (chosen.row, chosen.alternates) == (31, (30,))
    assert of.table.columns["num_instances"].sum() == 1


@pytest.mark.parametrize("claim", [True, False])
def test_a_group_grows_only_by_what_is_claimed(claim: bool) -> None:
    of = selector(host(0), host(1), host(2))
    group = GroupState("anti-affinity")
    selections = of.select(RequestSpec(SMALL, num_instances=2, instance_group="g"), group=group, claim=claim)
    assert [item.row for item in selections] == [2, 1]
    assert group == GroupState("anti-affinity", 1, {1: 1, 2: 1} if claim else {}, {1, 2} if claim else set())


def test_a_request_that_fails_leaves_table_and_group_as_they_were() -> None:
    of = selector(host(0), host(1))
    before, group = usage(of), GroupState("anti-affinity")
    with pytest.raises(NoValidHostError) as caught:
        of.select(RequestSpec(SMALL, num_instances=3, instance_group="g"), group=group)
    assert caught.value.placed == 2
    assert usage(of) == before
    assert group == GroupState("anti-affinity")


def test_instances_that_are_no_members_do_not_repel_each_other() -> None:
    of = selector(host(0), host(1))
    request = RequestSpec(SMALL, num_instances=3, instance_group="g")
    with pytest.raises(NoValidHostError):
        of.select(request, group=GroupState("anti-affinity"))
    assert len(of.select(request, group=GroupState("anti-affinity"), members=[True, False, False])) == 3


def test_alternates_are_weighed_with_the_last_instance_on_its_host() -> None:
    # The last one's host passes anti-affinity as its own and stays in the range of weights.
    of = selector(host(0), host(1, memory_mb=100_000), host(2, memory_mb=60_000))
    request = RequestSpec(SMALL, num_instances=2, instance_group="g", alternates=2)
    first, second = of.select(request, group=GroupState("anti-affinity"))
    assert (first.row, second.row) == (1, 2)
    assert first.alternates == second.alternates == (0,)
    # not a lone survivor, which would weigh 0: host 2 was weighed beside it
    assert first.alternate_weights != (0.0,)


def test_warming_an_empty_table_leaves_it_empty() -> None:
    of = selector()
    of.warm()
    assert of.table.host_count == 0
    assert not np.any(of.table.columns["num_instances"])


def test_selectors_with_different_chains_share_a_table_with_aggregates_that_override() -> None:
    aggregates = [Aggregate("a", "a", frozenset({"h0"}), {"ram_weight_multiplier": "-1", "cpu_weight_multiplier": "9"})]
    table = host_table([{"memory_mb": 131_072}, {}], aggregates=aggregates)
    by_ram = Selector(table, only(weighers=["RAMWeigher"]), random.Random(0))
    by_both = Selector(table, only(weighers=["CPUWeigher", "DiskWeigher", "RAMWeigher"]), random.Random(0))
    assert by_ram.overrides.overridden.tolist() == [True]
    assert by_both.overrides.overridden.tolist() == [True, False, True]
    assert [by_ram.select(request(), claim=False)[0].row for _ in range(2)] == [1, 1]
    table.delete_aggregate("a")
    assert not by_both.overrides.any
    assert by_ram.select(request(), claim=False)[0].row == 0
