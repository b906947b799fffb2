from __future__ import annotations

import uuid as python_uuid
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError, UnknownFlavorError, UnknownGroupError
from engine.fitting.pci_aliases import Aliases
from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate as AggregateFacts
from engine.model.flavor import Flavor as FlavorFacts
from engine.model.server_group import ServerGroup as GroupFacts
from engine.service.catalog import Catalog
from engine.service.convert import (
    aggregate_from,
    aggregate_message,
    consumer_bytes,
    consumer_text,
    flavor_from,
    flavor_message,
    group_from,
    group_message,
    new_consumers,
)
from engine.service.host_messages import host_message
from engine.service.request_messages import check_zone, instances_of, request_from
from engine.v1.inventory_pb2 import Aggregate, ServerGroup
from engine.v1.request_spec_pb2 import AggregateSet, Flavor, HintValues, Image, RequestedDestination, RequestSpec
from tests.builders import host_table

M1 = FlavorFacts("m1", 2, 1024)
UUID = str(uuid4())


@pytest.fixture
def table() -> HostTable:
    return host_table(
        [{"traits": ["HW_A", "HW_B"], "availability_zone": "east"}, {}],
        aggregates=[AggregateFacts(UUID, "rack", frozenset({"h1"}), {"availability_zone": "north"})],
    )


@given(st.uuids())
def test_a_consumer_is_its_uuid(uuid):
    assert consumer_text(consumer_bytes(str(uuid), "f")) == str(uuid)
    assert consumer_bytes(uuid.hex.upper(), "f") == uuid.bytes


@pytest.mark.parametrize("text", ["", "x", "7" * 31, "7" * 33, "g" * 32, "7" * 32 + " x"])
def test_what_is_no_uuid_is_refused_by_name_of_its_field(text):
    with pytest.raises(InvalidRequestError) as refused:
        consumer_bytes(text, "consumer_uuid")
    assert refused.value.details["field"] == "consumer_uuid"


@given(
    vcpus=st.integers(1, 1000),
    memory_mb=st.integers(0, 10**6),
    root_gb=st.integers(0, 1000),
    swap_mb=st.integers(0, 4096),
    specs=st.dictionaries(st.sampled_from(["a", "hw:b", "ü"]), st.sampled_from(["", "1", "é"]), max_size=3),
)
def test_a_flavor_comes_back_from_its_message(vcpus, memory_mb, root_gb, swap_mb, specs):
    flavor = FlavorFacts("f", vcpus, memory_mb, root_gb, 3, swap_mb, specs)
    assert flavor_from(flavor_message(flavor)) == flavor


def test_a_request_keeps_everything_it_says(table):
    group = GroupFacts(UUID, "g", "affinity")
    message = RequestSpec(
        flavor_name="m1",
        image=Image(id="i", disk_format="qcow2", properties={"hw_a": "b"}),
        num_instances=2,
        instance_uuids=[str(uuid4()), str(uuid4())],
        project_id="p",
        user_id="u",
        availability_zone="east",
        required_traits=["HW_A"],
        forbidden_traits=["HW_B"],
        member_of=[AggregateSet(aggregate_uuids=[UUID])],
        instance_group=UUID,
        scheduler_hints={"same_host": HintValues(values=["a", "b"])},
        force_hosts=["h0"],
        force_nodes=["n0"],
        ignore_hosts=["h1"],
        requested_destination=RequestedDestination(host="h0", node="n0"),
        is_bfv=True,
        alternates=0,
    )
    spec = request_from(message, Catalog({"m1": M1}, {UUID: group}), table, Aliases())
    assert (spec.flavor, spec.num_instances, spec.instance_uuids) == (M1, 2, tuple(message.instance_uuids))
    assert (spec.image.id, spec.image.disk_format, dict(spec.image.properties)) == ("i", "qcow2", {"hw_a": "b"})
    assert (spec.project_id, spec.user_id, spec.availability_zone, spec.is_bfv) == ("p", "u", "east", True)
    assert (spec.required_traits, spec.forbidden_traits) == ({"HW_A"}, {"HW_B"})
    assert (spec.member_of, spec.instance_group) == ((frozenset({UUID}),), UUID)
    assert dict(spec.scheduler_hints) == {"same_host": ("a", "b")}
    assert (spec.force_hosts, spec.force_nodes, spec.ignore_hosts) == (("h0",), ("n0",), ("h1",))
    assert (spec.requested_destination.host, spec.requested_destination.node) == ("h0", "n0")
    assert spec.alternates == 0


def test_what_a_request_leaves_out_has_its_default(table):
    spec = request_from(RequestSpec(flavor=Flavor(vcpus=1)), Catalog(), table, Aliases())
    assert (spec.num_instances, spec.alternates, spec.requested_destination) == (1, None, None)


def test_names_are_looked_up(table):
    with pytest.raises(UnknownFlavorError):
        request_from(RequestSpec(flavor_name="m2"), Catalog({"m1": M1}), table, Aliases())
    with pytest.raises(UnknownGroupError):
        request_from(RequestSpec(flavor_name="m1", instance_group=UUID), Catalog({"m1": M1}), table, Aliases())


def test_zones_are_those_of_hosts_of_aggregates_and_the_default_one(table):
    for zone in ("", "east", "north", "nova"):
        spec = request_from(RequestSpec(flavor=Flavor(vcpus=1), availability_zone=zone), Catalog(), table, Aliases())
        check_zone(spec, table, "nova")
    spec = request_from(RequestSpec(flavor=Flavor(vcpus=1), availability_zone="west"), Catalog(), table, Aliases())
    with pytest.raises(InvalidRequestError, match="east, north"):
        check_zone(spec, table, "nova")


def test_groups_and_aggregates_come_back_from_their_messages():
    members = sorted(str(uuid4()) for _ in range(3))
    message = ServerGroup(
        uuid=UUID, name="g", policy="anti-affinity", max_server_per_host=2, member_uuids=[members[0].upper()]
    )
    group = group_from(message)
    assert (group.max_server_per_host, group.members) == (2, {members[0]})
    assert list(group_message(group, members[1:]).member_uuids) == members
    assert group_from(ServerGroup(uuid=UUID, policy="affinity")).max_server_per_host == 1
    whole = Aggregate(uuid=UUID, name="a", host_ids=["h0", "h1"], metadata={"k": "v"})
    assert aggregate_message(aggregate_from(whole), ["h1", "h0"]) == whole


def test_a_host_says_what_is_known_of_it(table):
    told = host_message(table, 1)
    assert (told.host_id, list(told.aggregate_uuids), told.up) == ("h1", [UUID], True)
    assert set(told.inventories) == {"VCPU", "MEMORY_MB", "DISK_GB"}
    assert not told.service.HasField("last_seen_up_us")
    assert sorted(host_message(table, 0).traits) == ["HW_A", "HW_B"]


@pytest.mark.parametrize("uuids", [["x"], [UUID, UUID], [UUID] * 3])
def test_the_names_of_instances_are_as_many_as_there_are_and_each_its_own(uuids):
    with pytest.raises(InvalidRequestError, match="instance_uuids"):
        instances_of(RequestSpec(instance_uuids=uuids), 2 if len(uuids) == 2 else 1)


def test_the_instances_of_a_request_are_named_or_not():
    assert instances_of(RequestSpec(), 7) == []
    assert instances_of(RequestSpec(instance_uuids=[UUID]), 1) == [consumer_bytes(UUID, "")]


@given(st.uuids(), st.sampled_from(["{}", "{{{}}}", "urn:uuid:{}", "{}\n"]), st.booleans())
def test_a_uuid_is_read_as_pythons_own_reads_it(uuid, form, upper):
    text = form.format(str(uuid).upper() if upper else uuid.hex)
    try:
        expected = python_uuid.UUID(text).bytes
    except ValueError:
        with pytest.raises(InvalidRequestError):
            consumer_bytes(text, "f")
    else:
        assert consumer_bytes(text, "f") == expected
    assert consumer_text(uuid.bytes) == str(uuid)


@given(st.text(st.sampled_from("0123456789abcdefABCDEFgx-_ {}\u0660"), max_size=40))
def test_what_is_no_uuid_to_python_is_none_here(text):
    try:
        expected = python_uuid.UUID(text).bytes
    except ValueError:
        with pytest.raises(InvalidRequestError, match="must be a uuid"):
            consumer_bytes(text, "f")
    else:
        assert consumer_bytes(text, "f") == expected


@pytest.mark.parametrize("many", [0, 1, 2, 500])
def test_new_consumers_are_uuids_of_version_4_and_differ(many):
    made = new_consumers(many)
    assert len(set(made)) == many
    for consumer in made:
        uuid = python_uuid.UUID(bytes=consumer)
        assert (uuid.version, uuid.variant) == (4, "specified in RFC 4122")
