"""Requests of the scheduler service that can never be right: refused with a reason, with nothing claimed."""

from __future__ import annotations

from typing import Any

import pytest

from engine.scheduler.options import SchedulerOptions
from engine.v1.numa_pb2 import GuestCell, NetworkNeeds, NumaTopologyRequest
from engine.v1.pci_pb2 import PciRequest, PciSpec
from engine.v1.request_spec_pb2 import (
    AggregateSet,
    Flavor,
    Image,
    RequestedDestination,
    RequestGroup,
    RequestSpec,
    SuffixSet,
    TraitSet,
    TriedHost,
)
from engine.v1.scheduler_service_pb2 import (
    ExplainSelectionRequest,
    GetAllocationRequest,
    ListAllocationsRequest,
    MoveAllocationRequest,
    ReleaseAllocationsRequest,
    SelectDestinationsRequest,
)
from tests.service.harness import serving
from tests.service.messages import add_flavor, add_hosts, new_uuid, refusal, spec

HUGE = 2**62


def flavored(**sizes: int) -> RequestSpec:
    return RequestSpec(flavor=Flavor(name="f", **sizes))


def guest(*cells: GuestCell) -> RequestSpec:
    return spec(numa_topology=NumaTopologyRequest(cells=cells))


def devices(*requests: PciRequest) -> RequestSpec:
    return spec(pci_requests=requests)


def group(suffix: str, **fields: Any) -> RequestSpec:
    return spec(requested_resources=[RequestGroup(suffix=suffix, **fields)])


BAD_SPECS = {
    "nothing at all": (RequestSpec(), "INVALID_REQUEST"),
    "no such flavor": (RequestSpec(flavor_name="absent"), "UNKNOWN_FLAVOR"),
    "an empty flavor name": (RequestSpec(flavor_name=""), "UNKNOWN_FLAVOR"),
    "an empty flavor": (RequestSpec(flavor=Flavor()), "INVALID_REQUEST"),
    "negative vcpus": (flavored(vcpus=-1), "INVALID_REQUEST"),
    "absurd vcpus": (flavored(vcpus=HUGE), "INVALID_REQUEST"),
    "negative memory": (flavored(vcpus=1, memory_mb=-5), "INVALID_REQUEST"),
    "absurd memory": (flavored(vcpus=1, memory_mb=HUGE), "INVALID_REQUEST"),
    "absurd root disk": (flavored(vcpus=1, root_gb=HUGE), "INVALID_REQUEST"),
    "negative ephemeral disk": (flavored(vcpus=1, ephemeral_gb=-1), "INVALID_REQUEST"),
    "absurd swap": (flavored(vcpus=1, swap_mb=HUGE), "INVALID_REQUEST"),
    "disks that add up": (flavored(vcpus=1, root_gb=10**9, ephemeral_gb=10**9), "INVALID_REQUEST"),
    "negative count": (spec(num_instances=-1), "INVALID_REQUEST"),
    "absurd count": (spec(num_instances=2**31 - 1), "INVALID_REQUEST"),
    "too few uuids": (spec(num_instances=2, instance_uuids=[new_uuid()]), "INVALID_REQUEST"),
    "too many uuids": (spec(instance_uuids=[new_uuid(), new_uuid()]), "INVALID_REQUEST"),
    "no uuid": (spec(instance_uuids=["not-a-uuid"]), "INVALID_REQUEST"),
    "an empty uuid": (spec(instance_uuids=[""]), "INVALID_REQUEST"),
    "a uuid twice": (spec(num_instances=2, instance_uuids=["7" * 32] * 2), "INVALID_REQUEST"),
    "too many alternates": (spec(alternates=101), "INVALID_REQUEST"),
    "negative alternates": (spec(alternates=-1), "INVALID_REQUEST"),
    "no such zone": (spec(availability_zone="atlantis"), "INVALID_REQUEST"),
    "a required trait that is none": (spec(required_traits=["fast"]), "INVALID_REQUEST"),
    "a forbidden trait without a name": (spec(forbidden_traits=[""]), "INVALID_REQUEST"),
    "an endless trait": (spec(required_traits=["HW_" + "A" * 300]), "INVALID_REQUEST"),
    "a trait both ways": (spec(required_traits=["HW_A"], forbidden_traits=["HW_A"]), "INVALID_REQUEST"),
    "no such aggregate": (spec(member_of=[AggregateSet(aggregate_uuids=[new_uuid()])]), "INVALID_REQUEST"),
    "no such group": (spec(instance_group=new_uuid()), "UNKNOWN_GROUP"),
    "cells that cannot be equal": (spec(3, extra_specs={"hw:numa_nodes": "2"}), "INVALID_REQUEST"),
    "no such alias": (spec(extra_specs={"pci_passthrough:alias": "gpu:1"}), "INVALID_REQUEST"),
    "an alias without a count": (spec(extra_specs={"pci_passthrough:alias": "gpu"}), "INVALID_REQUEST"),
    "a guest cell twice": (guest(GuestCell(cpus=[0]), GuestCell(cpus=[1])), "INVALID_REQUEST"),
    "a vCPU in two cells": (guest(GuestCell(cpus=[0]), GuestCell(cell_id=1, cpus=[0])), "INVALID_REQUEST"),
    "a vCPU both ways": (guest(GuestCell(cpus=[0], dedicated_cpus=[0])), "INVALID_REQUEST"),
    "a guest cell below zero": (guest(GuestCell(cell_id=-1)), "INVALID_REQUEST"),
    "negative guest memory": (guest(GuestCell(memory_mb=-1)), "INVALID_REQUEST"),
    "an unknown page size": (guest(GuestCell(page_size_kb=-4)), "INVALID_REQUEST"),
    "an absurd page size": (guest(GuestCell(page_size_kb=HUGE)), "INVALID_REQUEST"),
    "an unknown CPU policy": (guest(GuestCell(cpu_policy="mine")), "INVALID_REQUEST"),
    "an unknown thread policy": (guest(GuestCell(cpu_thread_policy="mine")), "INVALID_REQUEST"),
    "an unknown emulator policy": (
        spec(numa_topology=NumaTopologyRequest(cells=[GuestCell()], emulator_threads_policy="x")),
        "INVALID_REQUEST",
    ),
    "too many guest cells": (guest(*[GuestCell(cell_id=number) for number in range(65)]), "INVALID_REQUEST"),
    "a network without a name": (spec(networks=NetworkNeeds(physnets=[""])), "INVALID_REQUEST"),
    "no devices": (devices(PciRequest(count=0, specs=[PciSpec()])), "INVALID_REQUEST"),
    "absurd devices": (devices(PciRequest(count=HUGE, specs=[PciSpec()])), "INVALID_REQUEST"),
    "devices of no kind": (devices(PciRequest(count=1)), "INVALID_REQUEST"),
    "an unknown NUMA policy": (devices(PciRequest(count=1, specs=[PciSpec()], numa_policy="x")), "INVALID_REQUEST"),
    "a device request twice": (
        devices(*2 * [PciRequest(count=1, specs=[PciSpec()], request_id="r")]),
        "INVALID_REQUEST",
    ),
    "too many device requests": (devices(*257 * [PciRequest(count=1, specs=[PciSpec()])]), "INVALID_REQUEST"),
    "a group without a suffix": (group(""), "INVALID_REQUEST"),
    "a suffix of other signs": (group("a b"), "INVALID_REQUEST"),
    "a suffix too long": (group("a" * 65), "INVALID_REQUEST"),
    "a suffix twice": (spec(requested_resources=2 * [RequestGroup(suffix="a")]), "INVALID_REQUEST"),
    "a group of nothing of a class": (group("a", resources={"VGPU": 0}), "INVALID_REQUEST"),
    "a group of less than nothing": (group("a", resources={"VGPU": -1}), "INVALID_REQUEST"),
    "a group's class that is none": (group("a", resources={"vgpu": 1}), "INVALID_REQUEST"),
    "a group's trait that is none": (group("a", required_traits=["fast"]), "INVALID_REQUEST"),
    "a group's trait both ways": (
        group("a", required_traits=["HW_A"], forbidden_traits=["HW_A"]),
        "INVALID_REQUEST",
    ),
    "a group's tree that is none": (group("a", in_tree="x"), "INVALID_REQUEST"),
    "too many groups": (
        spec(requested_resources=[RequestGroup(suffix=str(number)) for number in range(257)]),
        "INVALID_REQUEST",
    ),
    "one of no traits": (spec(any_of_traits=[TraitSet()]), "INVALID_REQUEST"),
    "one of what is no trait": (spec(any_of_traits=[TraitSet(traits=["fast"])]), "INVALID_REQUEST"),
    "a required trait of the host that is none": (spec(root_required_traits=["HW-A"]), "INVALID_REQUEST"),
    "a trait of the host both ways": (
        spec(root_required_traits=["HW_A"], root_forbidden_traits=["HW_A"]),
        "INVALID_REQUEST",
    ),
    "a subtree of nothing": (spec(same_subtree=[SuffixSet()]), "INVALID_REQUEST"),
    "a subtree of what is no suffix": (spec(same_subtree=[SuffixSet(suffixes=["a b"])]), "INVALID_REQUEST"),
    "a host tried without a name": (spec(tried=[TriedHost(node="n")]), "INVALID_REQUEST"),
    "too many hosts tried": (spec(tried=1025 * [TriedHost(host="h")]), "INVALID_REQUEST"),
    "an extra spec longer than nova's": (spec(extra_specs={"a": "x" * 256}), "INVALID_REQUEST"),
    "too many traits": (spec(required_traits=["HW_A"] * 20_000), "INVALID_REQUEST"),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A service with two hosts for all cases: none may leave a trace."""
    with serving(tmp_path_factory.mktemp("bad")) as running:
        add_hosts(running.client, {"traits": ["HW_A"], "stats": '{"speed": "fast"}'}, {"stats": '{"speed": "x"}'})
        yield running
        assert running.client.list_allocations().total == 0
        running.assert_clean()


@pytest.mark.parametrize("name", BAD_SPECS)
def test_a_request_that_cannot_be_right_is_refused_and_leaves_its_token_free(shared, name):
    bad, reason = BAD_SPECS[name]
    for token in ("", f"token of {name}"):
        answer = refusal(
            shared.scheduler.SelectDestinations, SelectDestinationsRequest(request_spec=bad, client_token=token)
        )
        assert (answer.reason, answer.info.domain) == (reason, "berth")
        assert answer.code == ("NOT_FOUND" if reason.startswith("UNKNOWN") else "INVALID_ARGUMENT")
        assert answer.text
    assert shared.client.list_allocations().total == 0
    good = shared.client.select_destinations(spec(), client_token=f"token of {name}")
    shared.client.release_allocations([good.selections[0].instance_uuid])


@pytest.mark.parametrize("name", BAD_SPECS)
def test_explaining_refuses_what_placing_refuses(shared, name):
    bad, reason = BAD_SPECS[name]
    answer = refusal(shared.scheduler.ExplainSelection, ExplainSelectionRequest(request_spec=bad))
    assert answer.reason == reason


@pytest.mark.parametrize(
    "named",
    [
        {"force_hosts": ["absent"]},
        {"force_nodes": ["absent"]},
        {"requested_destination": RequestedDestination(host="absent")},
        {"member_of": [AggregateSet()]},
    ],
)
def test_hosts_that_are_not_there_take_nothing(shared, named):
    answer = refusal(shared.scheduler.SelectDestinations, SelectDestinationsRequest(request_spec=spec(**named)))
    assert answer.reason in ("NO_VALID_HOST", "UNKNOWN_HOST", "INVALID_REQUEST")
    assert answer.code != "INTERNAL"


def test_hosts_that_are_not_there_can_be_ignored(shared):
    placed = shared.client.select_destinations(spec(ignore_hosts=["absent"]))
    shared.client.release_allocations([placed.selections[0].instance_uuid])


CALLS = {
    "explain without a request": ("ExplainSelection", ExplainSelectionRequest(), "INVALID_REQUEST"),
    "explain an unknown host": (
        "ExplainSelection",
        ExplainSelectionRequest(request_spec=spec(), host_ids=["h0", "absent"]),
        "UNKNOWN_HOST",
    ),
    "explain too many": (
        "ExplainSelection",
        ExplainSelectionRequest(request_spec=spec(), weighed_limit=10_001),
        "INVALID_REQUEST",
    ),
    "explain less than none": (
        "ExplainSelection",
        ExplainSelectionRequest(request_spec=spec(), nearest_limit=-1),
        "INVALID_REQUEST",
    ),
    "release no uuid": ("ReleaseAllocations", ReleaseAllocationsRequest(consumer_uuids=["x"]), "INVALID_REQUEST"),
    "release too many": (
        "ReleaseAllocations",
        ReleaseAllocationsRequest(consumer_uuids=["7" * 32] * 65_537),
        "LIMIT_EXCEEDED",
    ),
    "move nothing": ("MoveAllocation", MoveAllocationRequest(), "INVALID_REQUEST"),
    "move what is not held": (
        "MoveAllocation",
        MoveAllocationRequest(consumer_uuid=new_uuid(), host_id="h0"),
        "UNKNOWN_ALLOCATION",
    ),
    "get nothing": ("GetAllocation", GetAllocationRequest(), "INVALID_REQUEST"),
    "get what is not held": ("GetAllocation", GetAllocationRequest(consumer_uuid=new_uuid()), "UNKNOWN_ALLOCATION"),
    "list an unknown host": ("ListAllocations", ListAllocationsRequest(host_id="absent"), "UNKNOWN_HOST"),
    "list too many": ("ListAllocations", ListAllocationsRequest(page_size=10_001), "INVALID_REQUEST"),
    "list less than none": ("ListAllocations", ListAllocationsRequest(page_size=-1), "INVALID_REQUEST"),
    "list from a word": ("ListAllocations", ListAllocationsRequest(page_token="next"), "INVALID_REQUEST"),
    "list from below": ("ListAllocations", ListAllocationsRequest(page_token="-1"), "INVALID_REQUEST"),
    "list from beyond numbers": ("ListAllocations", ListAllocationsRequest(page_token="9" * 5000), "INVALID_REQUEST"),
    "list from other digits": ("ListAllocations", ListAllocationsRequest(page_token="\u0663"), "INVALID_REQUEST"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_refused_with_its_reason(shared, name):
    method, request, reason = CALLS[name]
    answer = refusal(getattr(shared.scheduler, method), request)
    assert answer.reason == reason
    assert answer.code == ("NOT_FOUND" if reason.startswith("UNKNOWN") else "INVALID_ARGUMENT")


def test_a_page_from_beyond_the_end_is_empty(shared):
    reply = shared.client.list_allocations(page_token="9" * 18)
    assert (list(reply.allocations), reply.next_page_token) == ([], "")


def test_what_is_wrong_is_named_in_the_details(shared):
    def info(request: RequestSpec) -> dict[str, str]:
        answer = refusal(shared.scheduler.SelectDestinations, SelectDestinationsRequest(request_spec=request))
        return dict(answer.info.metadata)

    assert info(spec(num_instances=-1))["field"] == "num_instances"
    assert info(spec(availability_zone="atlantis"))["zone"] == "atlantis"
    assert info(spec(forbidden_traits=["fast"])) == {"field": "forbidden_traits"}
    assert info(spec(root_required_traits=["fast"])) == {"field": "root_required_traits"}
    assert info(RequestSpec(flavor_name="absent")) == {"flavor": "absent"}
    assert info(spec(3, extra_specs={"hw:numa_nodes": "2"}))["nova_exception"] == "ImageNUMATopologyAsymmetric"


def test_a_filter_that_breaks_refuses_the_request_as_nova_does_if_its_quirks_are_wanted(tmp_path):
    faulty = spec(extra_specs={"capabilities:speed": ">= 5"})
    facts = ({"stats": '{"speed": "fast"}'}, {"stats": '{"speed": "7"}'})
    with serving(tmp_path / "quirks", scheduler=SchedulerOptions(nova_quirks=True)) as local:
        add_hosts(local.client, *facts)
        answer = refusal(local.scheduler.SelectDestinations, SelectDestinationsRequest(request_spec=faulty))
        assert (answer.reason, answer.info.metadata["nova_exception"]) == ("INVALID_REQUEST", "ValueError")
        local.assert_clean()
    with serving(tmp_path / "exact") as local:
        add_hosts(local.client, *facts)
        assert local.client.select_destinations(faulty).selections[0].host.host_id == "h1"


@pytest.mark.parametrize("letter", ["x", "ü", "\U0001f600"])
def test_a_long_name_comes_back_shortened_not_as_a_broken_call(shared, letter):
    request = SelectDestinationsRequest(request_spec=RequestSpec(flavor_name=letter * 100_000))
    answer = refusal(shared.scheduler.SelectDestinations, request)
    assert (answer.code, answer.reason) == ("NOT_FOUND", "UNKNOWN_FLAVOR")
    assert len(answer.text) < 2000


def test_a_message_above_the_limit_is_refused_and_the_service_lives(tmp_path):
    with serving(tmp_path, max_message_mb=1) as local:
        add_hosts(local.client, {})
        request = SelectDestinationsRequest(
            request_spec=spec(image=Image(properties={"p": "x" * (2 << 20)})), client_token="t"
        )
        assert refusal(local.scheduler.SelectDestinations, request).code == "RESOURCE_EXHAUSTED"
        assert local.client.health() == "SERVING"
        local.client.select_destinations(spec(), client_token="t")


def test_bytes_that_are_no_message_are_refused_and_the_service_lives(shared):
    call = shared.channel.unary_unary("/engine.v1.SchedulerService/SelectDestinations")
    answer = refusal(call, b"\xff\xff\xff\xff")
    assert answer.code in ("INTERNAL", "INVALID_ARGUMENT", "UNKNOWN")
    assert refusal(shared.channel.unary_unary("/engine.v1.SchedulerService/Absent"), b"").code == "UNIMPLEMENTED"
    assert shared.client.health() == "SERVING"


def test_a_flavor_that_was_there_before_is_unknown_once_removed(shared):
    add_flavor(shared.client, "short-lived")
    shared.client.update_flavors(delete_names=["short-lived"])
    answer = refusal(
        shared.scheduler.SelectDestinations,
        SelectDestinationsRequest(request_spec=RequestSpec(flavor_name="short-lived")),
    )
    assert answer.reason == "UNKNOWN_FLAVOR"
