"""Placing, releasing, moving, listing, explaining and auditing, as callers see them."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.errors import (
    AllocationExistsError,
    InvalidRequestError,
    NoValidHostError,
    UnknownAllocationError,
    UnknownHostError,
)
from engine.v1.inventory_pb2 import Aggregate, ServerGroup
from engine.v1.request_spec_pb2 import AggregateSet, Flavor, RequestedDestination, RequestGroup, RequestSpec, TraitSet
from engine.v1.scheduler_service_pb2 import SelectDestinationsRequest
from tests.service.messages import add_flavor, add_hosts, new_uuid, refusal, spec


def hosts_of(reply) -> list[str]:
    return [item.host.host_id for item in reply.selections]


def test_an_instance_is_placed_listed_moved_and_released(local):
    client = local.client
    add_hosts(client, {}, {"memory_mb": 32_768})
    uuid = new_uuid()
    placed = client.select_destinations(spec(2, 1024, instance_uuids=[uuid], project_id="p", user_id="u"))
    assert hosts_of(placed) == ["h0"]
    assert [item.host_id for item in placed.selections[0].alternates] == ["h1"]
    assert placed.selections[0].instance_uuid == uuid
    assert placed.selections[0].host.weight >= placed.selections[0].alternates[0].weight

    held = client.get_allocation(uuid)
    assert held.allocation.host_id == "h0"
    assert dict(held.allocation.resources) == {"VCPU": 2, "MEMORY_MB": 1024}
    assert (held.allocation.project_id, held.allocation.user_id, held.allocation.flavor_name) == ("p", "u", "small")
    assert held.allocation.created_us > 0
    assert client.get_host("h0").host.inventories["VCPU"].used == 2

    moved = client.move_allocation(uuid, "h1")
    assert moved.allocation.host_id == "h1"
    assert client.get_host("h0").host.inventories["VCPU"].used == 0
    assert client.get_host("h1").host.inventories["MEMORY_MB"].used == 1024
    local.assert_clean()

    assert [item.consumer_uuid for item in client.list_allocations(host_id="h1").allocations] == [uuid]
    assert not client.list_allocations(host_id="h0").allocations
    released = client.release_allocations([uuid])
    assert (released.released, list(released.not_held)) == (1, [])
    assert client.get_host("h1").host.inventories["VCPU"].used == 0
    with pytest.raises(UnknownAllocationError):
        client.get_allocation(uuid)
    local.assert_clean()


def test_every_answer_that_reads_the_inventory_says_at_which_generation(local):
    client = local.client
    add_hosts(client, {})
    add_flavor(client)
    uuid = new_uuid()
    before = client.get_host("h0").inventory_generation
    placed = client.select_destinations(spec(instance_uuids=[uuid]))
    assert placed.inventory_generation > before
    answers = [
        client.get_allocation(uuid),
        client.list_allocations(),
        client.explain_selection(spec()),
        client.audit_allocations(),
        client.move_allocation(uuid, "h0"),
        client.get_host("h0"),
        client.list_hosts(),
        client.list_aggregates(),
        client.list_flavors(),
        client.list_server_groups(),
    ]
    assert {answer.inventory_generation for answer in answers} == {placed.inventory_generation}
    assert client.get_host("h0").host.generation == placed.inventory_generation
    assert client.release_allocations([uuid]).inventory_generation > placed.inventory_generation


def test_several_instances_are_placed_together_or_not_at_all(local):
    client = local.client
    add_hosts(client, {"vcpus": 2, "cpu_allocation_ratio": 1.0}, {"vcpus": 1, "cpu_allocation_ratio": 1.0})
    placed = client.select_destinations(spec(num_instances=3))
    assert Counter(hosts_of(placed)) == {"h0": 2, "h1": 1}
    assert len({item.instance_uuid for item in placed.selections}) == 3
    client.release_allocations([item.instance_uuid for item in placed.selections])
    with pytest.raises(NoValidHostError) as refused:
        client.select_destinations(spec(num_instances=4))
    assert refused.value.placed == 3
    assert client.list_allocations().total == 0
    assert {item.inventories["VCPU"].used for item in client.list_hosts().hosts} == {0}
    local.assert_clean()


def test_no_valid_host_says_what_each_filter_removed(local):
    add_hosts(local.client, {}, {"disabled": True}, {"vcpus": 64})
    request = SelectDestinationsRequest(request_spec=spec(100_000))
    answer = refusal(local.scheduler.SelectDestinations, request)
    assert (answer.code, answer.reason, answer.info.domain) == ("FAILED_PRECONDITION", "NO_VALID_HOST", "berth")
    assert answer.summary is not None
    assert answer.summary.hosts_total == 3
    removed = {item.filter: item.hosts_removed for item in answer.summary.rejections}
    assert sum(removed.values()) == 3
    lefts = [item.hosts_left for item in answer.summary.rejections]
    assert lefts == sorted(lefts, reverse=True)
    assert lefts[-1] == 0
    assert all(item.reason for item in answer.summary.rejections)


def test_alternates_are_as_many_as_asked_for(local):
    add_hosts(local.client, *[{}] * 6)
    for wanted, given in ((0, 0), (1, 1), (4, 4), (100, 5)):
        placed = local.client.select_destinations(spec(alternates=wanted))
        assert len(placed.selections[0].alternates) == given
    assert len(local.client.select_destinations(spec()).selections[0].alternates) == 2


def test_anti_affinity_keeps_members_apart_up_to_its_limit(local):
    client = local.client
    add_hosts(client, {}, {}, {})
    apart, pairs = new_uuid(), new_uuid()
    client.update_server_groups(
        [
            ServerGroup(uuid=apart, name="apart", policy="anti-affinity"),
            ServerGroup(uuid=pairs, name="pairs", policy="anti-affinity", max_server_per_host=2),
        ]
    )
    first = hosts_of(client.select_destinations(spec(instance_group=apart, num_instances=2)))
    second = hosts_of(client.select_destinations(spec(instance_group=apart)))
    assert sorted(first + second) == ["h0", "h1", "h2"]
    with pytest.raises(NoValidHostError):
        client.select_destinations(spec(instance_group=apart))
    placed = hosts_of(client.select_destinations(spec(instance_group=pairs, num_instances=6)))
    assert set(Counter(placed).values()) == {2}
    with pytest.raises(NoValidHostError):
        client.select_destinations(spec(instance_group=pairs))


def test_affinity_keeps_members_together_and_lets_go_of_released_ones(local):
    client = local.client
    add_hosts(client, {}, {"memory_mb": 131_072}, {})
    group = new_uuid()
    client.update_server_groups([ServerGroup(uuid=group, name="together", policy="affinity")])
    placed = client.select_destinations(spec(1, 40_000, instance_group=group))
    assert hosts_of(placed) == ["h1"]
    assert hosts_of(client.select_destinations(spec(1, 1024, instance_group=group))) == ["h1"]
    with pytest.raises(NoValidHostError):
        client.select_destinations(spec(1, 100_000, instance_group=group))
    (listed,) = client.list_server_groups().server_groups
    assert len(listed.member_uuids) == 2
    client.release_allocations(listed.member_uuids)
    (listed,) = client.list_server_groups().server_groups
    assert not listed.member_uuids
    assert hosts_of(client.select_destinations(spec(1, 512, instance_group=group, ignore_hosts=["h1"]))) != ["h1"]


def test_members_named_by_uuid_count_where_they_are(local):
    client = local.client
    add_hosts(client, {}, {})
    member, group = new_uuid(), new_uuid()
    (host,) = hosts_of(client.select_destinations(spec(instance_uuids=[member])))
    client.update_server_groups(
        [ServerGroup(uuid=group, name="apart", policy="anti-affinity", member_uuids=[member.upper()])]
    )
    assert list(client.list_server_groups().server_groups[0].member_uuids) == [member]
    (other,) = hosts_of(client.select_destinations(spec(instance_group=group)))
    assert other != host


@pytest.mark.parametrize(("policy", "same"), [("soft-affinity", True), ("soft-anti-affinity", False)])
def test_soft_policies_weigh(local, policy, same):
    client = local.client
    add_hosts(client, *[{"memory_mb": 65_536}] * 4)
    group = new_uuid()
    client.update_server_groups([ServerGroup(uuid=group, name="soft", policy=policy)])
    heavy = {"num_instances": 1, "instance_group": group}
    placed = [hosts_of(client.select_destinations(spec(1, 1, **heavy)))[0] for _ in range(4)]
    assert len(set(placed)) == (1 if same else 4)


def test_aggregates_and_zones_narrow_the_choice(local):
    client = local.client
    add_hosts(client, {"availability_zone": "east"}, {"availability_zone": "west"}, {})
    ssd, fast = new_uuid(), new_uuid()
    client.update_aggregates(
        [
            Aggregate(uuid=ssd, name="ssd", host_ids=["h1", "h2"]),
            Aggregate(uuid=fast, name="fast", host_ids=["h2"], metadata={"availability_zone": "north"}),
        ]
    )
    assert hosts_of(client.select_destinations(spec(availability_zone="west"))) == ["h1"]
    assert hosts_of(client.select_destinations(spec(availability_zone="north"))) == ["h2"]
    either = AggregateSet(aggregate_uuids=[ssd, fast])
    both = [AggregateSet(aggregate_uuids=[ssd]), AggregateSet(aggregate_uuids=[fast])]
    assert set(hosts_of(client.select_destinations(spec(member_of=[either], num_instances=8)))) == {"h1", "h2"}
    assert hosts_of(client.select_destinations(spec(member_of=both))) == ["h2"]
    with pytest.raises(NoValidHostError):
        client.select_destinations(spec(member_of=both, availability_zone="west"))
    assert [item.host_id for item in client.list_hosts(aggregate_uuid=ssd).hosts] == ["h1", "h2"]
    assert [item.host_id for item in client.list_hosts(availability_zone="east").hosts] == ["h0"]
    client.update_aggregates(delete_uuids=[fast])
    assert [item.name for item in client.list_aggregates().aggregates] == ["ssd"]
    with pytest.raises(InvalidRequestError):
        client.select_destinations(spec(availability_zone="north"))


def test_traits_forced_ignored_and_requested_hosts_are_obeyed(local):
    client = local.client
    add_hosts(client, {"traits": ["HW_GPU"]}, {"traits": ["CUSTOM_OLD"]}, {"disabled": True})
    assert hosts_of(client.select_destinations(spec(required_traits=["HW_GPU"]))) == ["h0"]
    assert hosts_of(client.select_destinations(spec(forbidden_traits=["HW_GPU"]))) == ["h1"]
    assert hosts_of(client.select_destinations(spec(force_hosts=["h1"]))) == ["h1"]
    assert hosts_of(client.select_destinations(spec(force_nodes=["h0"]))) == ["h0"]
    # placement knows of a disabled service, so that a forced host is not taken either
    for chosen in ({"force_hosts": ["h2"]}, {"requested_destination": RequestedDestination(host="h2")}):
        with pytest.raises(NoValidHostError):
            client.select_destinations(spec(**chosen))
    assert hosts_of(client.select_destinations(spec(requested_destination=RequestedDestination(host="h1")))) == ["h1"]
    assert hosts_of(client.select_destinations(spec(ignore_hosts=["h0"]))) == ["h1"]
    with pytest.raises(NoValidHostError):
        client.select_destinations(spec(ignore_hosts=["h0", "h1"]))


ABSENT: dict[str, RequestSpec] = {
    "required": spec(required_traits=["HW_ABSENT"]),
    "required of the host": spec(root_required_traits=["HW_ABSENT"]),
    "one required": spec(any_of_traits=[TraitSet(traits=["HW_ABSENT"])]),
    "forbidden": spec(forbidden_traits=["HW_ABSENT"]),
    "forbidden to the host": spec(root_forbidden_traits=["HW_ABSENT"]),
    "required by the flavor": spec(extra_specs={"trait:HW_ABSENT": "required"}),
    "forbidden by the flavor": spec(extra_specs={"trait:HW_ABSENT": "forbidden"}),
    "required of a group": spec(
        requested_resources=[RequestGroup(suffix="a", resources={"VCPU": 1}, required_traits=["HW_ABSENT"])]
    ),
}


@pytest.mark.parametrize("name", ABSENT)
def test_a_trait_that_there_is_not_leaves_no_host_wherever_it_is_named(local, name):
    add_hosts(local.client, {})
    with pytest.raises(NoValidHostError, match="no trait HW_ABSENT"):
        local.client.select_destinations(ABSENT[name])
    # it may come any time, with a host that has it
    add_hosts(local.client, {}, {"traits": ["HW_ABSENT"]})
    local.client.select_destinations(ABSENT[name])


def test_flavors_are_taken_by_name_and_can_be_replaced(local):
    client = local.client
    add_hosts(client, {})
    add_flavor(client, "m1", 2, 2048, root_gb=10, ephemeral_gb=5, swap_mb=1024)
    placed = client.select_destinations(spec(flavor_name="m1"))
    held = client.get_allocation(placed.selections[0].instance_uuid).allocation
    assert (held.flavor_name, held.vcpus, held.memory_mb, held.disk_gb) == ("m1", 2, 2048, 15)
    assert dict(held.resources) == {"VCPU": 2, "MEMORY_MB": 2048, "DISK_GB": 16}
    add_flavor(client, "m1", 4, 4096)
    placed = client.select_destinations(spec(flavor_name="m1"))
    assert client.get_allocation(placed.selections[0].instance_uuid).allocation.vcpus == 4
    # what was placed before keeps what it took
    assert client.get_host("h0").host.inventories["VCPU"].used == 6
    client.update_flavors([Flavor(name="a", vcpus=1), Flavor(name="b", vcpus=1)], delete_names=["m1"])
    assert [item.name for item in client.list_flavors().flavors] == ["a", "b"]
    local.assert_clean()


def test_boot_from_volume_takes_no_local_disk(local):
    add_hosts(local.client, {})
    flavor = Flavor(name="f", vcpus=1, memory_mb=1, root_gb=20)
    for is_bfv, disk in ((False, 20), (True, 0)):
        request = spec(flavor_name="unused", is_bfv=is_bfv)
        request.flavor.CopyFrom(flavor)
        placed = local.client.select_destinations(request)
        held = local.client.get_allocation(placed.selections[0].instance_uuid).allocation
        assert held.resources.get("DISK_GB", 0) == disk


def test_explain_says_why_and_claims_nothing(local):
    client = local.client
    add_hosts(client, {}, {"vcpus": 1, "cpu_allocation_ratio": 1.0}, {"disabled": True}, {"memory_mb": 131_072})
    reply = client.explain_selection(spec(2, 1024), host_ids=["h1", "h2", "h0"], weighed_limit=1, nearest_limit=2)
    assert (reply.summary.hosts_total, reply.hosts_passed) == (4, 2)
    assert [item.host_id for item in reply.weighed] == ["h3"]
    assert abs(sum(term.weight for term in reply.weighed[0].terms) - reply.weighed[0].weight) < 1e-9
    passed = {item.host_id: item.passed for item in reply.verdicts}
    assert passed == {"h0": True, "h1": False, "h2": False}
    assert {item.host_id for item in reply.nearest} <= {"h1", "h2"}
    assert all(item.changes for item in reply.nearest)
    chosen = client.select_destinations(spec(2, 1024))
    assert hosts_of(chosen) == ["h3"]
    assert abs(chosen.selections[0].host.weight - reply.weighed[0].weight) < 1e-9
    client.release_allocations([chosen.selections[0].instance_uuid])
    assert client.list_allocations().total == 0


def test_a_move_that_does_not_fit_changes_nothing(local):
    client = local.client
    add_hosts(client, {}, {"memory_mb": 1024}, {"disabled": True})
    uuid = new_uuid()
    client.select_destinations(spec(1, 2048, instance_uuids=[uuid]))
    for target in ("h1", "h2"):
        with pytest.raises(NoValidHostError):
            client.move_allocation(uuid, target)
    with pytest.raises(UnknownHostError):
        client.move_allocation(uuid, "nowhere")
    with pytest.raises(UnknownAllocationError):
        client.move_allocation(new_uuid(), "h0")
    assert client.get_allocation(uuid).allocation.host_id == "h0"
    assert client.move_allocation(uuid, "h0").allocation.host_id == "h0"
    local.assert_clean()


def test_an_instance_holds_one_allocation_at_a_time_and_can_come_back(local):
    client = local.client
    add_hosts(client, {}, {})
    uuid = new_uuid()
    client.select_destinations(spec(instance_uuids=[uuid]))
    with pytest.raises(AllocationExistsError) as refused:
        client.select_destinations(spec(instance_uuids=[uuid]))
    assert refused.value.details["consumer"] == uuid
    other = new_uuid()
    with pytest.raises(AllocationExistsError):
        client.select_destinations(spec(instance_uuids=[other, uuid], num_instances=2))
    with pytest.raises(UnknownAllocationError):
        client.get_allocation(other)
    client.release_allocations([uuid])
    client.select_destinations(spec(4, 4096, instance_uuids=[uuid]))
    assert client.get_allocation(uuid).allocation.vcpus == 4
    assert client.list_allocations().total == 1
    local.assert_clean()


def test_releasing_counts_what_was_not_held(local):
    client = local.client
    add_hosts(client, {})
    uuid, stranger = new_uuid(), new_uuid()
    client.select_destinations(spec(instance_uuids=[uuid]))
    reply = client.release_allocations([stranger, uuid, uuid, stranger])
    assert (reply.released, list(reply.not_held)) == (1, [stranger])
    reply = client.release_allocations([uuid])
    assert (reply.released, list(reply.not_held)) == (0, [uuid])
    assert client.release_allocations([]).released == 0


def test_pages_list_everything_once_while_allocations_come_and_go(local):
    client = local.client
    add_hosts(client, *[{}] * 25)
    placed = [client.select_destinations(spec(project_id=f"p{number % 2}")) for number in range(20)]
    uuids = [reply.selections[0].instance_uuid for reply in placed]
    first = client.list_allocations(page_size=7)
    assert first.total == 20
    seen = [item.consumer_uuid for item in first.allocations]
    client.release_allocations(uuids[:3])
    token = first.next_page_token
    while token:
        page = client.list_allocations(page_size=7, page_token=token)
        seen += [item.consumer_uuid for item in page.allocations]
        token = page.next_page_token
    assert seen == uuids
    assert client.list_allocations(project_id="p1").total == 9
    assert client.list_allocations(project_id="p9").total == 0
    names = []
    token = ""
    while True:
        page = client.list_hosts(page_size=10, page_token=token)
        names += [item.host_id for item in page.hosts]
        token = page.next_page_token
        if not token:
            break
    assert names == [f"h{number}" for number in range(25)]
