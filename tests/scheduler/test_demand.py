"""A demand is a request as filters see it: what is asked of placement, how often, and whether columns can say all."""

from __future__ import annotations

from engine.model.candidates import RequestGroup
from engine.model.request_spec import RequestSpec
from engine.scheduler.demand import Demand, demand_of
from engine.scheduler.options import SchedulerOptions
from tests.builders import host_table, only, request, selector
from tests.devices import devices, pinned

TABLE = host_table([{}])


def demand(spec: RequestSpec, **options: object) -> Demand:
    return demand_of(spec, TABLE, SchedulerOptions(**options))  # type: ignore[arg-type]


def test_a_plain_request_is_plain_and_its_status_is_asked_of_the_root() -> None:
    found = demand(request(vcpus=2, root_gb=3))
    assert found.plain
    assert found.request.root_forbidden == {"COMPUTE_STATUS_DISABLED"}
    assert found.amounts.resources == {"VCPU": 2, "MEMORY_MB": 512, "DISK_GB": 3}
    assert found.asked_once == {"VCPU": 2, "MEMORY_MB": 512, "DISK_GB": 3}
    assert not found.asked_often
    assert found.names_traits
    assert not found.names_aggregates


def test_without_the_filter_for_candidates_nothing_else_is_asked_for() -> None:
    spec = request(extra_specs={"resources:VGPU": "1"})
    found = demand(spec, placement_filters=("CapacityFilter",))
    assert (found.request, found.queries, found.plain) == (spec, (), True)
    rebuild = request(scheduler_hints={"_nova_check_type": ("rebuild",)}, extra_specs={"resources:VGPU": "1"})
    assert demand(rebuild).request is rebuild


def test_amounts_of_several_groups_are_told_from_those_of_one() -> None:
    found = demand(request(vcpus=1, extra_specs={"resources1:MEMORY_MB": "64", "resources:MEMORY_MB": "128"}))
    assert found.asked_often == {"MEMORY_MB": 192}
    assert found.asked_once == {"VCPU": 1}
    assert not found.plain


def test_the_second_query_for_pinned_cpus_counts_too() -> None:
    found = demand(pinned(2))
    assert len(found.queries) == 2
    assert found.asked_once["VCPU"] == found.asked_once["PCPU"] == 2
    assert found.amounts.requested_vcpu == 0


def test_devices_are_mapped_where_a_group_is_named_after_their_request() -> None:
    group = RequestGroup("wish-0", (("CUSTOM_CARD", 1),))
    wish = devices(1, request_id="wish")
    assert demand(request(pci_requests=(wish,), requested_resources=(group,))).maps_devices
    assert not demand(request(pci_requests=(wish,))).maps_devices
    assert not demand(request(pci_requests=(devices(1),), requested_resources=(group,))).maps_devices


def test_a_host_that_does_not_exist_is_a_demand_that_none_can_meet() -> None:
    found = demand(request(force_hosts=("elsewhere",)))
    assert (found.plain, found.queries) == (False, ())
    assert "elsewhere" in found.refusal


def test_a_selector_keeps_a_requests_demand_until_facts_change() -> None:
    table = host_table([{}])
    of = selector(table, only())
    spec = request()
    first = of.demand(spec)
    assert of.demand(spec) is first
    table.delete(["h0"])
    assert of.demand(spec) is not first
