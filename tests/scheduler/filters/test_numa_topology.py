"""NUMATopologyFilter: only hosts whose cells take the guest's pass, and claims fill them up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import NoValidHostError
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.numa import HostCell, NetworkNeeds
from engine.model.request_spec import RequestSpec
from engine.scheduler.explain import explain
from engine.scheduler.faults import FilterFault
from engine.scheduler.options import DEFAULT_FILTERS, PLACEMENT_FILTERS, SchedulerOptions
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request, selector
from tests.devices import IMAGE, cell, numa, pinned

NAME = "NUMATopologyFilter"
ROOMY = {"cpu_allocation_ratio": 16.0}


def threaded(plain: HostCell) -> HostCell:
    ids = sorted(plain.pinnable_cpus)
    pairs = tuple(frozenset(ids[start : start + 2]) for start in range(0, len(ids), 2))
    return replace(plain, siblings=pairs)


HOSTS = (
    numa(cell(0, 4), cell(1, 4)),
    numa(cell(0, 4, pinned=1), cell(1, 4)),
    numa(cell(0, 4, pinned=3), cell(1, 4, pinned=3)),
    numa(cell(0, 8)),
    {},
)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (pinned(8, nodes=2), {"h0"}),
        (pinned(6, nodes=2), {"h0", "h1"}),
        (pinned(2, nodes=2), {"h0", "h1", "h2"}),
        (pinned(4), {"h0", "h1", "h3"}),
        (pinned(8), {"h3"}),
        (pinned(9), set()),
        (pinned(4, 5000), set()),
        (pinned(4, 4096), {"h0", "h1", "h3"}),
        (request(vcpus=64), {"h0", "h1", "h2", "h3", "h4"}),
    ],
)
def test_hosts_pass_whose_cells_have_the_cpus_and_memory_together(spec: RequestSpec, names: set[str]) -> None:
    assert passing(NAME, HOSTS, spec) == names


def test_shared_cpus_and_memory_are_bound_by_the_hosts_ratios() -> None:
    flavor = Flavor("shared", 2, 1024, extra_specs={"hw:numa_nodes": "1"})
    from engine.fitting.numa_request import guest_numa

    spec = RequestSpec(flavor, image=IMAGE, numa=guest_numa(flavor, IMAGE))
    hosts = [{**numa(cell(0, 4, cpu_usage=3)), "cpu_allocation_ratio": ratio} for ratio in (1.0, 1.25, 2.0)]
    assert passing(NAME, hosts, spec) == {"h1", "h2"}


def test_threads_are_asked_of_hosts_that_have_them_even_without_cells() -> None:
    hosts = [numa(cell(0, 4)), numa(threaded(cell(0, 4))), {}]
    specs = {"hw:cpu_thread_policy": "require"}
    assert passing(NAME, hosts, pinned(2, extra_specs=specs)) == {"h1"}
    assert passing(NAME, hosts, replace(pinned(2, extra_specs=specs), numa=None)) == {"h1", "h2"}


def test_networks_have_to_be_near_a_cell() -> None:
    near = replace(cell(0, 4), physnets=frozenset({"a"}))
    hosts = [numa(near, cell(1, 1)), numa(replace(cell(0, 1), physnets=frozenset({"a"})), cell(1, 4))]
    assert passing(NAME, hosts, pinned(4, networks=NetworkNeeds(frozenset({"a"})))) == {"h0"}
    assert passing(NAME, hosts, pinned(4)) == {"h0", "h1"}


def test_nova_fails_on_a_request_without_an_image_and_berth_does_not() -> None:
    spec = replace(request(), image=Image())
    assert passing(NAME, HOSTS, spec) == {f"h{number}" for number in range(5)}
    with pytest.raises(FilterFault) as caught:
        passing(NAME, HOSTS, spec, nova_quirks=True)
    assert caught.value.nova_exception == "AttributeError"
    assert passing(NAME, HOSTS, replace(spec, is_bfv=True), nova_quirks=True) == {f"h{number}" for number in range(5)}


def test_instances_are_pinned_until_the_cells_are_full_and_again_after_a_release() -> None:
    table = host_table([{**numa(cell(0, 4), cell(1, 4)), **ROOMY}])
    of = selector(table, only(filters=[NAME]))
    placed = [of.select(pinned(2))[0] for _ in range(4)]
    pins = [
        host_cpu
        for item in placed
        if item.assignment is not None and item.assignment.numa is not None
        for guest_cell in item.assignment.numa.cells
        for _, host_cpu in guest_cell.pinning
    ]
    assert sorted(pins) == [0, 1, 2, 3, 100, 101, 102, 103]
    with pytest.raises(NoValidHostError) as caught:
        of.select(pinned(2))
    assert caught.value.rejections == {NAME: 1}
    table.apply(0, -1, of.demand(pinned(2)).amounts, placed[1].assignment)
    again = of.select(pinned(2))[0]
    assert again.assignment == placed[1].assignment


def test_many_instances_of_one_request_share_a_host_while_it_lasts() -> None:
    table = host_table([{**numa(cell(0, 4)), "memory_mb": 99_000}, numa(cell(0, 4))])
    of = selector(table, only(filters=[NAME], weighers=["RAMWeigher"]))
    assert [item.row for item in of.select(pinned(2, num_instances=4))] == [0, 0, 1, 1]
    with pytest.raises(NoValidHostError):
        of.select(pinned(2))
    assert selector(table, only()).select(pinned(2))[0].row == 0


def test_a_request_that_fails_half_way_leaves_nothing_pinned() -> None:
    table = host_table([numa(cell(0, 4))])
    before = table.device_state(0)
    with pytest.raises(NoValidHostError, match="after 2 instances"):
        selector(table, only(filters=[NAME])).select(pinned(2, num_instances=3))
    assert table.device_state(0) == before
    assert not table.devices.holdings


def test_nova_fits_later_instances_with_the_page_size_the_first_was_given() -> None:
    def pages(size_kb: int) -> HostCell:
        plain = cell(0, 8)
        return replace(plain, pages=(replace(plain.pages[0], size_kb=size_kb, total=4096 * 1024 // size_kb),))

    hosts = [{**numa(pages(2048)), "memory_mb": 99_000, "vcpus": 64}, {**numa(pages(4)), "vcpus": 64}]
    spec = pinned(8, num_instances=2, extra_specs={"hw:mem_page_size": "any"})
    chosen = selector(host_table(hosts), only(filters=[NAME], weighers=["RAMWeigher"])).select(spec)
    assert [item.row for item in chosen] == [0, 1]
    with pytest.raises(NoValidHostError):
        selector(host_table(hosts), only(filters=[NAME], weighers=["RAMWeigher"], nova_quirks=True)).select(spec)


@pytest.mark.parametrize(
    ("host", "spec", "change"),
    [
        ({}, pinned(2), "NUMA cells: the host reports none"),
        (numa(cell(0, 4)), pinned(4, nodes=2), "2 NUMA cells instead of 1"),
        (numa(cell(0, 4, pinned=1)), pinned(4), "1 more dedicated CPUs free in one NUMA cell (3 of the 4 asked for)"),
        (numa(cell(0, 4), cell(1, 4, pinned=3)), pinned(6, nodes=2), "1 more dedicated CPUs free (5 of the 6"),
        (numa(cell(0, 4, 512)), pinned(2), "512 more MiB of memory in one NUMA cell (512 of the 1024 asked for)"),
        (numa(cell(0, 4, 4096, usage_mb=4000)), pinned(2), "more CPUs, memory or devices free in the same NUMA cells"),
    ],
)
def test_an_explanation_says_what_is_missing(host: dict[str, str], spec: RequestSpec, change: str) -> None:
    table = host_table([host])
    answer = explain(only(filters=[NAME]), table.snapshot(), spec, SelectionContext(table), hosts=[0])
    (verdict,) = answer.verdicts[0]
    assert verdict.reason.startswith(change)
    assert answer.nearest[0][1] == (verdict.reason,)


def test_views_answer_whoever_asks_for_no_cells() -> None:
    from engine.scheduler.chain import Chain

    options = SchedulerOptions(enabled_filters=(*DEFAULT_FILTERS, NAME), placement_filters=PLACEMENT_FILTERS)
    of = selector(host_table(HOSTS), Chain.from_options(options))
    assert of.uses_view(request(), None)
    assert not of.uses_view(pinned(2), None)
