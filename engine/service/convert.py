"""Between messages and the model, each direction once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from engine.errors import InvalidRequestError
from engine.inventory.fleet import Fleet
from engine.inventory.schema import CLASS_PREFIX
from engine.ledger.records import Owner, Shape
from engine.model.aggregate import Aggregate
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.limits import MAX_INSTANCES, check_amount
from engine.model.request_spec import RequestedDestination, RequestSpec
from engine.model.server_group import ServerGroup
from engine.scheduler.explain import Explanation, Rejection
from engine.service.catalog import Catalog
from engine.v1 import inventory_pb2, request_spec_pb2, scheduler_service_pb2, selection_pb2

MAX_ALTERNATES = 100


def consumer_bytes(text: str, field: str) -> bytes:
    """Return the 16 bytes of a uuid; raise InvalidRequestError."""
    try:
        return UUID(text).bytes
    except ValueError:
        raise InvalidRequestError(f"{field} must be a uuid, not {text!r}", field=field) from None


def consumer_text(consumer: bytes) -> str:
    """Return 16 bytes as a uuid's text."""
    return str(UUID(bytes=consumer))


def flavor_from(message: request_spec_pb2.Flavor) -> Flavor:
    """Return a flavor; raise InvalidRequestError for sizes out of range."""
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


def request_from(message: request_spec_pb2.RequestSpec, catalog: Catalog, fleet: Fleet) -> RequestSpec:
    """Return the request spec of a message.

    Raises UnknownFlavorError, UnknownGroupError, and InvalidRequestError for whatever can never be satisfied as
    written: a trait or aggregate that nothing has, uuids that are not, counts out of range.
    """
    choice = message.WhichOneof("flavor_choice")
    if choice is None:
        raise InvalidRequestError("give a flavor, by name or in full", field="flavor")
    flavor = catalog.flavor(message.flavor_name) if choice == "flavor_name" else flavor_from(message.flavor)
    count = message.num_instances or 1
    check_amount("num_instances", count, 1, MAX_INSTANCES)
    uuids = tuple(message.instance_uuids)
    if uuids and len(uuids) != count:
        raise InvalidRequestError(
            f"{len(uuids)} instance_uuids for {count} instances: give one each or none", field="instance_uuids"
        )
    if len({consumer_bytes(uuid, "instance_uuids") for uuid in uuids}) != len(uuids):
        raise InvalidRequestError("instance_uuids name an instance twice", field="instance_uuids")
    if message.instance_group:
        catalog.group(message.instance_group)
    alternates = message.alternates if message.HasField("alternates") else None
    if alternates is not None:
        check_amount("alternates", alternates, 0, MAX_ALTERNATES)
    destination = message.requested_destination if message.HasField("requested_destination") else None
    request = RequestSpec(
        flavor=flavor,
        num_instances=count,
        image=Image(message.image.id, message.image.disk_format, dict(message.image.properties)),
        instance_uuids=uuids,
        project_id=message.project_id,
        user_id=message.user_id,
        availability_zone=message.availability_zone,
        required_traits=frozenset(message.required_traits),
        forbidden_traits=frozenset(message.forbidden_traits),
        member_of=tuple(frozenset(item.aggregate_uuids) for item in message.member_of),
        instance_group=message.instance_group,
        scheduler_hints={key: tuple(value.values) for key, value in message.scheduler_hints.items()},
        force_hosts=tuple(message.force_hosts),
        force_nodes=tuple(message.force_nodes),
        ignore_hosts=tuple(message.ignore_hosts),
        requested_destination=None
        if destination is None
        else RequestedDestination(
            destination.host, destination.node, destination.cell, destination.allow_cross_cell_move
        ),
        is_bfv=message.is_bfv,
        alternates=alternates,
    )
    _check_names(request, fleet)
    return request


def _check_names(request: RequestSpec, fleet: Fleet) -> None:
    """Raise InvalidRequestError for a name that the fleet does not know; most requests name nothing."""
    if request.required_traits or request.forbidden_traits:
        for name in sorted(request.required_traits | request.forbidden_traits):
            if name not in fleet.traits:
                field = "required_traits" if name in request.required_traits else "forbidden_traits"
                raise InvalidRequestError(
                    f"no host has ever had the trait {name!r}: check its spelling", field=field, trait=name
                )
        both = request.required_traits & request.forbidden_traits
        if both:
            raise InvalidRequestError(f"trait {min(both)!r} is both required and forbidden", field="forbidden_traits")
    for wanted in request.member_of:
        unknown = sorted(wanted - fleet.aggregates.keys())
        if unknown:
            raise InvalidRequestError(
                f"no aggregate has the uuid {unknown[0]!r}", field="member_of", aggregate=unknown[0]
            )


def check_zone(request: RequestSpec, fleet: Fleet, default_zone: str) -> None:
    """Raise InvalidRequestError for an availability zone that no host and no aggregate names, the default one aside."""
    zone = request.availability_zone
    if zone and zone != default_zone and zone not in fleet.zones:
        known = ", ".join(sorted(fleet.zones)) or "none"
        raise InvalidRequestError(
            f"there is no availability zone {zone!r}; there are: {known}", field="availability_zone", zone=zone
        )


def allocation_message(
    consumer: bytes, host_id: str, shape: Shape, owner: Owner, created_us: int
) -> selection_pb2.Allocation:
    """Return an allocation's message."""
    return selection_pb2.Allocation(
        consumer_uuid=consumer_text(consumer),
        host_id=host_id,
        resources=shape.resources,
        vcpus=shape.vcpus,
        memory_mb=shape.memory_mb,
        disk_gb=shape.disk_gb,
        flavor_name=shape.flavor,
        project_id=owner.project_id,
        user_id=owner.user_id,
        instance_group=owner.instance_group,
        created_us=created_us,
    )


def group_from(message: inventory_pb2.ServerGroup) -> ServerGroup:
    """Return a server group, its members' uuids in their usual form; raise InvalidRequestError for one that is none."""
    members = frozenset(consumer_text(consumer_bytes(uuid, "member_uuids")) for uuid in message.member_uuids)
    rules = {"max_server_per_host": message.max_server_per_host} if message.max_server_per_host else {}
    return ServerGroup(message.uuid, message.name, message.policy, rules, members)


def group_message(group: ServerGroup, placed: Iterable[str]) -> inventory_pb2.ServerGroup:
    """Return a server group's message, with the instances placed into it among its members."""
    return inventory_pb2.ServerGroup(
        uuid=group.uuid,
        name=group.name,
        policy=group.policy,
        max_server_per_host=group.max_server_per_host,
        member_uuids=sorted(group.members.union(placed)),
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


def host_message(fleet: Fleet, row: int) -> inventory_pb2.Host:
    """Return a host's message, with its usage, generation, aggregates and whether its service is up."""
    host = fleet.host(row)
    message = inventory_pb2.Host(
        host_id=host.host_id,
        uuid=host.uuid,
        nodename=host.nodename,
        vcpus_used=host.vcpus_used,
        memory_mb_used=host.memory_mb_used,
        local_gb_used=host.local_gb_used,
        free_ram_mb=int(fleet.columns["free_ram_mb"][row]),
        free_disk_gb=int(fleet.columns["free_disk_gb"][row]),
        num_instances=int(fleet.columns["num_instances"][row]),
        num_io_ops=host.num_io_ops,
        failed_builds=host.failed_builds,
        pci_devices=host.pci_devices,
        availability_zone=host.availability_zone,
        hypervisor_type=host.hypervisor_type,
        hypervisor_version=host.hypervisor_version,
        arch=host.arch,
        supported_instances=[
            inventory_pb2.SupportedInstance(arch=arch, hypervisor_type=kind, vm_mode=mode)
            for arch, kind, mode in host.supported_instances
        ],
        cpu_info=host.cpu_info,
        host_ip=host.host_ip,
        cell=host.cell,
        traits=sorted(host.traits),
        stats=dict(host.stats),
        metrics=dict(host.metrics),
        service=inventory_pb2.HostService(
            disabled=host.service.disabled,
            disabled_reason=host.service.disabled_reason,
            forced_down=host.service.forced_down,
            last_seen_up_us=host.service.last_seen_up_us,
        ),
        generation=int(fleet.columns["generation"][row]),
        aggregate_uuids=[item.uuid for item in fleet.membership_aggregates(int(fleet.columns["membership"][row]))],
        up=bool(fleet.columns["service_up"][row]),
    )
    for resource_class, inventory in host.inventories.items():
        message.inventories[resource_class].CopyFrom(
            inventory_pb2.ResourceInventory(
                total=inventory.total,
                reserved=inventory.reserved,
                allocation_ratio=inventory.allocation_ratio,
                min_unit=inventory.min_unit,
                max_unit=inventory.largest_unit,
                step_size=inventory.step_size,
                used=int(fleet.columns[f"{CLASS_PREFIX[resource_class]}_used"][row]),
            )
        )
    return message


def rejection_messages(rejections: Iterable[Rejection]) -> list[selection_pb2.FilterRejection]:
    """Return the filters' counts."""
    return [
        selection_pb2.FilterRejection(
            filter=item.filter, hosts_removed=item.removed, hosts_left=item.left, reason=item.reason
        )
        for item in rejections
    ]


def explanation_message(explanation: Explanation, fleet: Fleet) -> scheduler_service_pb2.ExplainSelectionResponse:
    """Return an explanation's message."""
    host_ids = fleet.identity.host_ids
    return scheduler_service_pb2.ExplainSelectionResponse(
        summary=selection_pb2.RejectionSummary(
            hosts_total=explanation.hosts_total, rejections=rejection_messages(explanation.rejections)
        ),
        hosts_passed=explanation.passed,
        verdicts=[
            selection_pb2.HostVerdict(
                host_id=host_ids[row],
                passed=all(item.passed for item in verdicts),
                verdicts=[
                    selection_pb2.FilterVerdict(filter=item.filter, passed=item.passed, reason=item.reason)
                    for item in verdicts
                ],
            )
            for row, verdicts in explanation.verdicts.items()
        ],
        weighed=[
            selection_pb2.WeighedHost(
                host_id=host_ids[row],
                weight=weight,
                terms=[
                    selection_pb2.WeightTerm(
                        weigher=term.weigher,
                        raw=term.raw,
                        normalized=term.normalized,
                        multiplier=term.multiplier,
                        weight=term.weight,
                    )
                    for term in terms
                ],
            )
            for row, weight, terms in explanation.weighed
        ],
        nearest=[
            selection_pb2.NearestHost(host_id=host_ids[row], changes=list(changes))
            for row, changes in explanation.nearest
        ],
        inventory_generation=fleet.generation,
    )
