"""Requests of the scheduler service that can never be right: refused with a reason, with nothing claimed."""

from __future__ import annotations

import pytest

from engine.v1.request_spec_pb2 import AggregateSet, Flavor, Image, RequestedDestination, RequestSpec
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
    "no such required trait": (spec(required_traits=["HW_ABSENT"]), "INVALID_REQUEST"),
    "no such forbidden trait": (spec(forbidden_traits=["HW_ABSENT"]), "INVALID_REQUEST"),
    "a trait both ways": (spec(required_traits=["HW_A"], forbidden_traits=["HW_A"]), "INVALID_REQUEST"),
    "no such aggregate": (spec(member_of=[AggregateSet(aggregate_uuids=[new_uuid()])]), "INVALID_REQUEST"),
    "no such group": (spec(instance_group=new_uuid()), "UNKNOWN_GROUP"),
    "a filter that breaks": (spec(extra_specs={"capabilities:speed": ">= 5"}), "INVALID_REQUEST"),
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


@pytest.mark.parametrize("name", [name for name in BAD_SPECS if name != "a filter that breaks"])
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
    assert info(spec(forbidden_traits=["HW_ABSENT"])) == {"field": "forbidden_traits", "trait": "HW_ABSENT"}
    assert info(RequestSpec(flavor_name="absent")) == {"flavor": "absent"}
    assert info(spec(extra_specs={"capabilities:speed": ">= 5"}))["nova_exception"]


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
