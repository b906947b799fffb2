"""AllocationCandidatesFilter: hosts pass of whose providers placement has a candidate, and claims take it."""

from __future__ import annotations

import pytest

from engine.errors import NoValidHostError
from engine.inventory.table import HostTable
from engine.model.candidates import Provider, RequestGroup
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.explain import explain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, request, selector
from tests.devices import child, inventory, tree

CHAIN = Chain.from_options(SchedulerOptions())


def of(table: HostTable) -> Selector:
    return selector(table, CHAIN)


def chosen(table: HostTable, spec: RequestSpec) -> list[int]:
    """The rows given to instances of a request, one after another, until there is none left."""
    rows = []
    select = of(table).select
    while True:
        try:
            rows.append(select(spec)[0].row)
        except NoValidHostError:
            return rows


def test_devices_under_the_host_are_given_until_there_are_none() -> None:
    table = host_table([{}, tree(child("a", {"VGPU": 1}), child("b", {"VGPU": 2})), tree(child("c", {"VGPU": 1}))])
    spec = request(extra_specs={"resources:VGPU": "1"})
    rows = chosen(table, spec)
    assert sorted(rows) == [1, 1, 1, 2]
    found = table.tree(1)
    assert found is not None
    assert [dict(item.used).get("VGPU") for item in found.providers] == [None, 1, 2]
    with pytest.raises(NoValidHostError) as caught:
        of(table).select(spec)
    assert caught.value.rejections["AllocationCandidatesFilter"] == 3


def test_what_is_given_back_is_given_again() -> None:
    table = host_table([tree(child("a", {"VGPU": 1}))])
    select = of(table)
    spec = request(extra_specs={"resources:VGPU": "1"})
    (first,) = select.select(spec)
    assert first.assignment is not None
    table.apply(0, -1, select.demand(spec).amounts, first.assignment)
    assert select.select(spec) == [first]


def test_further_classes_of_the_hosts_own_provider_count_too() -> None:
    table = host_table([tree(PCPU=4), tree(CUSTOM_FOO=1), tree(CUSTOM_FOO=2)])
    assert sorted(chosen(table, request(extra_specs={"resources:CUSTOM_FOO": "1"}))) == [1, 2, 2]
    assert chosen(table, request(extra_specs={"resources:CUSTOM_FOO": "1", "resources1:PCPU": "1"})) == []


def test_groups_of_their_own_provider_each() -> None:
    hosts = [tree(child("a", {"VGPU": 4})), tree(child("b", {"VGPU": 4}), child("c", {"VGPU": 4}))]
    specs = {"resources1:VGPU": "1", "resources2:VGPU": "1", "group_policy": "isolate"}
    assert set(chosen(host_table(hosts), request(extra_specs=specs))) == {1}
    specs["group_policy"] = "none"
    assert set(chosen(host_table(hosts), request(extra_specs=specs))) == {0, 1}


def test_traits_are_asked_of_the_provider_that_gives() -> None:
    hosts = [
        {**tree(child("a", {"VGPU": 1}, traits=("CUSTOM_FAST",)))},
        {**tree(child("b", {"VGPU": 1})), "traits": ["CUSTOM_FAST"]},
    ]
    specs = {"resources1:VGPU": "1", "trait1:CUSTOM_FAST": "required"}
    assert chosen(host_table(hosts), request(extra_specs=specs)) == [0]


def shared_disk(total: int = 50) -> HostTable:
    """Two hosts without disk of their own that share one, and one that has little and shares nothing."""
    hosts = [
        {"disk_gb": 0, "aggregates": ["shared"], "memory_mb": 99_000},
        {"disk_gb": 0, "aggregates": ["shared"]},
        {"disk_gb": 5},
    ]
    table = host_table(hosts)
    uuid = next(iter(table.aggregates))
    table.set_sharing([Provider("nfs", inventories=(("DISK_GB", inventory(total)),), aggregates=frozenset({uuid}))])
    return table


def test_a_plain_request_finds_the_disk_that_hosts_share() -> None:
    table = shared_disk()
    spec = request(root_gb=20)
    select = of(table)
    assert not select.uses_view(spec, None)
    (first,) = select.select(spec)
    assert first.row == 0
    assert first.assignment is not None
    assert first.assignment.candidate is not None
    assert dict(first.assignment.candidate.allocations)["nfs"] == (("DISK_GB", 20),)
    assert table.columns["disk_gb_used"][:3].tolist() == [0, 0, 0]
    assert table.columns["vcpu_used"][0] == 1
    assert chosen(table, spec) == [0]
    assert table.sharing["nfs"].used == (("DISK_GB", 40),)
    assert sorted(chosen(table, request(root_gb=5))) == [0, 0, 2]


def test_many_instances_run_out_of_shared_disk_together() -> None:
    table = shared_disk()
    with pytest.raises(NoValidHostError, match="after 2 instances"):
        of(table).select(request(root_gb=20, num_instances=3))
    assert table.sharing["nfs"].used == ()
    assert not table.devices.holdings


def test_vcpus_may_come_from_below_the_host() -> None:
    hosts = [{"vcpus": 2, "cpu_allocation_ratio": 1.0, **tree(child("cell", {"VCPU": 8}))}, {"vcpus": 2}]
    table = host_table(hosts)
    (found,) = of(table).select(request(vcpus=6))
    assert found.row == 0
    assert found.assignment is not None
    assert found.assignment.candidate is not None
    assert dict(found.assignment.candidate.allocations)["cell"] == (("VCPU", 6),)
    assert table.columns["vcpu_used"][0] == 0
    assert table.columns["vcpus_used"][0] == 6


def test_fleets_without_further_providers_are_answered_from_views() -> None:
    assert of(host_table([{}])).uses_view(request(), None)
    assert of(host_table([tree(child("a", {"VGPU": 1}))])).uses_view(request(), None)
    assert not of(host_table([tree(child("a", {"VCPU": 1}))])).uses_view(request(), None)


def test_a_host_that_has_to_be_the_one_is_asked_alone() -> None:
    table = host_table([tree(CUSTOM_FOO=1), tree(CUSTOM_FOO=1)])
    spec = request(extra_specs={"resources:CUSTOM_FOO": "1"}, force_hosts=("H1",))
    assert chosen(table, spec) == [1]
    with pytest.raises(NoValidHostError, match="there is no host 'elsewhere'"):
        of(table).select(request(force_hosts=("elsewhere",)))


def test_a_request_that_placement_refuses_says_why() -> None:
    table = host_table([tree(child("a", {"VGPU": 4}))])
    with pytest.raises(NoValidHostError, match="group_policy"):
        of(table).select(request(extra_specs={"resources1:VGPU": "1", "resources2:VGPU": "1"}))


def test_a_named_host_is_fitted_without_a_claim() -> None:
    table = host_table([tree(child("a", {"VGPU": 1})), {}])
    spec = request(extra_specs={"resources:VGPU": "1"})
    select = of(table)
    before = table.device_state(0)
    found = select.assign(0, spec)
    assert found is not None
    assert found.assignment is not None
    assert select.assign(1, spec) is None
    assert select.assign(0, request()) is not None
    assert table.device_state(0) == before
    assert select.select(spec)[0].assignment == found.assignment


def test_requested_groups_of_ports_are_asked_for() -> None:
    hosts = [tree(child("nic", {"NET_BW_EGR_KILOBIT_PER_SEC": 100})), {}]
    group = RequestGroup("port", (("NET_BW_EGR_KILOBIT_PER_SEC", 60),))
    assert chosen(host_table(hosts), request(requested_resources=(group,))) == [0]


def test_an_explanation_counts_what_providers_cannot_give() -> None:
    table = host_table([tree(child("a", {"VGPU": 1})), {}, {}])
    spec = request(extra_specs={"resources:VGPU": "1"})
    answer = explain(CHAIN, table.snapshot(), spec, SelectionContext(table))
    counts = {item.filter: item.removed for item in answer.rejections}
    assert counts["AllocationCandidatesFilter"] == 2
    assert answer.passed == 1
    plain = explain(CHAIN, table.snapshot(), request(), SelectionContext(table))
    assert "AllocationCandidatesFilter" not in {item.filter for item in plain.rejections}


@pytest.mark.parametrize("asked", [{}, {"extra_specs": {"resources:VGPU": "1"}}, {"force_hosts": ("h0",)}])
def test_a_host_whose_service_is_disabled_is_no_candidate(asked: dict[str, object]) -> None:
    hosts = [{**tree(child(name, {"VGPU": 1})), "disabled": name == "a"} for name in ("a", "b")]
    spec = request(**asked)
    for chain in (CHAIN, Chain.from_options(SchedulerOptions(enabled_filters=()))):
        table = host_table(hosts)
        rows = [] if "force_hosts" in asked else [1]
        try:
            assert [item.row for item in selector(table, chain).select(spec)] == rows
        except NoValidHostError:
            assert not rows
