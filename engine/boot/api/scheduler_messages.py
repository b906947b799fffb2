"""Rows of the database as the messages that the scheduler is told of them."""

from __future__ import annotations

from engine.boot.store.aggregates import AggregateRow
from engine.boot.store.flavors import FlavorRow
from engine.boot.store.server_groups import ServerGroupRow
from engine.model.limits import MAX_DISK_GB, MAX_MEMORY_MB, MAX_VCPUS
from engine.v1 import inventory_pb2, request_spec_pb2


def flavor_message(flavor: FlavorRow) -> request_spec_pb2.Flavor:
    """Return a flavor as the scheduler knows it, by name."""
    return request_spec_pb2.Flavor(
        name=flavor.name,
        vcpus=flavor.vcpus,
        memory_mb=flavor.memory_mb,
        root_gb=flavor.root_gb,
        ephemeral_gb=flavor.ephemeral_gb,
        swap_mb=flavor.swap_mb,
        extra_specs=flavor.extra_specs,
    )


def is_schedulable(flavor: FlavorRow) -> bool:
    """Whether the scheduler takes a flavor at all: nova allows sizes that no host can have."""
    disk_gb = flavor.root_gb + flavor.ephemeral_gb + -(-flavor.swap_mb // 1024)
    memory_mb = max(flavor.memory_mb, flavor.swap_mb)
    return flavor.vcpus <= MAX_VCPUS and memory_mb <= MAX_MEMORY_MB and disk_gb <= MAX_DISK_GB


def group_message(group: ServerGroupRow) -> inventory_pb2.ServerGroup:
    """Return a group; its members are those that the scheduler itself places into it."""
    return inventory_pb2.ServerGroup(
        uuid=group.uuid, name=group.name, policy=group.policy, max_server_per_host=group.max_server_per_host
    )


def aggregate_message(aggregate: AggregateRow) -> inventory_pb2.Aggregate:
    """Return an aggregate with its hosts."""
    return inventory_pb2.Aggregate(
        uuid=aggregate.uuid,
        name=aggregate.name,
        host_ids=sorted(aggregate.hosts),
        metadata=aggregate.metadata,
    )
