"""Between messages and the model, each direction once: instances, flavors, groups, aggregates, allocations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import urandom
from uuid import UUID

from engine.errors import InvalidRequestError
from engine.ledger.records import Owner, Shape
from engine.model.aggregate import Aggregate
from engine.model.assignment import Assignment
from engine.model.flavor import Flavor
from engine.model.server_group import ServerGroup
from engine.service.assignments import assignment_message, total_resources
from engine.service.lengths import MAX_SPEC, check_texts
from engine.v1 import inventory_pb2, request_spec_pb2, selection_pb2

_CONSUMER_BYTES = 16
_VERSION_4 = bytes(value & 0x0F | 0x40 for value in range(256))
_VARIANT = bytes(value & 0x3F | 0x80 for value in range(256))


def consumer_bytes(text: str, field: str) -> bytes:
    """Return the 16 bytes of a uuid; raise InvalidRequestError."""
    digits = text.replace("-", "")
    if len(digits) == 2 * _CONSUMER_BYTES:
        # the usual form, at a third of the cost of UUID; whatever is not quite it is left to UUID
        try:
            consumer = bytes.fromhex(digits)
        except ValueError:
            consumer = b""
        if len(consumer) == _CONSUMER_BYTES:
            return consumer
    try:
        return UUID(text).bytes
    except ValueError:
        raise InvalidRequestError(f"{field} must be a uuid, not {text!r}", field=field) from None


def consumer_text(consumer: bytes) -> str:
    """Return 16 bytes as a uuid's text."""
    text = consumer.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_consumers(many: int) -> list[bytes]:
    """Return so many uuids of version 4, their random bits from the operating system, all in one call."""
    raw = bytearray(urandom(_CONSUMER_BYTES * many))
    raw[6::_CONSUMER_BYTES] = raw[6::_CONSUMER_BYTES].translate(_VERSION_4)
    raw[8::_CONSUMER_BYTES] = raw[8::_CONSUMER_BYTES].translate(_VARIANT)
    return [bytes(raw[start : start + _CONSUMER_BYTES]) for start in range(0, len(raw), _CONSUMER_BYTES)]


def flavor_from(message: request_spec_pb2.Flavor) -> Flavor:
    """Return a flavor; raise InvalidRequestError for sizes out of range, and extra specs beyond nova's lengths."""
    check_texts("extra_specs", message.extra_specs, MAX_SPEC, "extra_specs")
    return Flavor(
        name=message.name,
        vcpus=message.vcpus,
        memory_mb=message.memory_mb,
        root_gb=message.root_gb,
        ephemeral_gb=message.ephemeral_gb,
        swap_mb=message.swap_mb,
        extra_specs=dict(message.extra_specs),
    )


def flavor_message(flavor: Flavor) -> request_spec_pb2.Flavor:
    """Return a flavor's message."""
    return request_spec_pb2.Flavor(
        name=flavor.name,
        vcpus=flavor.vcpus,
        memory_mb=flavor.memory_mb,
        root_gb=flavor.root_gb,
        ephemeral_gb=flavor.ephemeral_gb,
        swap_mb=flavor.swap_mb,
        extra_specs=dict(flavor.extra_specs),
    )


def allocation_message(
    consumer: bytes, host_id: str, shape: Shape, owner: Owner, created_us: int, assignment: Assignment | None
) -> selection_pb2.Allocation:
    """Return an allocation's message."""
    resources = shape.resources
    if assignment is not None and assignment.candidate is not None:
        resources = total_resources(assignment)
    return selection_pb2.Allocation(
        consumer_uuid=consumer_text(consumer),
        host_id=host_id,
        resources=resources,
        vcpus=shape.vcpus,
        memory_mb=shape.memory_mb,
        disk_gb=shape.disk_gb,
        flavor_name=shape.flavor,
        project_id=owner.project_id,
        user_id=owner.user_id,
        instance_group=owner.instance_group,
        created_us=created_us,
        assignment=None if assignment is None else assignment_message(assignment),
    )


def group_from(message: inventory_pb2.ServerGroup) -> ServerGroup:
    """Return a server group, its members' uuids in their usual form; raise InvalidRequestError for one that is none."""
    members = frozenset(consumer_text(consumer_bytes(uuid, "member_uuids")) for uuid in message.member_uuids)
    rules = {"max_server_per_host": message.max_server_per_host} if message.max_server_per_host else {}
    hosts = frozenset(message.member_host_ids)
    if "" in hosts:
        raise InvalidRequestError("member_host_ids names a host without a name", field="member_host_ids")
    return ServerGroup(message.uuid, message.name, message.policy, rules, members, hosts)


def group_message(group: ServerGroup, placed: Iterable[str]) -> inventory_pb2.ServerGroup:
    """Return a server group's message, with the instances placed into it among its members."""
    return inventory_pb2.ServerGroup(
        uuid=group.uuid,
        name=group.name,
        policy=group.policy,
        max_server_per_host=group.max_server_per_host,
        member_uuids=sorted(group.members.union(placed)),
        member_host_ids=sorted(group.hosts),
    )


def aggregate_from(message: inventory_pb2.Aggregate) -> Aggregate:
    """Return an aggregate with its hosts; raise InvalidRequestError without a uuid or a name."""
    consumer_bytes(message.uuid, "aggregate uuid")
    if not message.name:
        raise InvalidRequestError("an aggregate needs a name", field="name")
    return Aggregate(message.uuid, message.name, frozenset(message.host_ids), dict(message.metadata))


def aggregate_message(aggregate: Aggregate, host_ids: Sequence[str]) -> inventory_pb2.Aggregate:
    """Return an aggregate's message."""
    return inventory_pb2.Aggregate(
        uuid=aggregate.uuid, name=aggregate.name, host_ids=sorted(host_ids), metadata=dict(aggregate.metadata)
    )
