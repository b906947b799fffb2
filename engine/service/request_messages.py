"""From a request's message to the request spec, and what of it can never be satisfied as written."""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.errors import InvalidRequestError
from engine.fitting.numa_request import guest_numa
from engine.fitting.pci_aliases import Aliases, pci_requests
from engine.inventory.fleet import Fleet
from engine.model.candidates import RequestGroup
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.limits import MAX_AMOUNT, MAX_INSTANCES, check_amount
from engine.model.numa import GuestNuma
from engine.model.pci import PciRequest
from engine.model.request_spec import RequestedDestination, RequestSpec
from engine.service.catalog import Catalog
from engine.service.convert import consumer_bytes, flavor_from
from engine.service.lengths import check_request
from engine.service.numa_messages import guest_numa_from, networks_from
from engine.service.pci_messages import pci_requests_from
from engine.service.provider_messages import check_resource_class, check_trait, uuid_text
from engine.v1 import request_spec_pb2

MAX_ALTERNATES = 100
_SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,64}")


def request_from(
    message: request_spec_pb2.RequestSpec, catalog: Catalog, fleet: Fleet, aliases: Aliases
) -> RequestSpec:
    """Return the request spec of a message, with the guest's NUMA cells and PCI requests worked out.

    Raises UnknownFlavorError, UnknownGroupError, and InvalidRequestError for whatever can never be satisfied as
    written: an aggregate that there is not, a flavor and image that contradict each other, uuids and traits that are
    none, counts out of range, more than any request names.
    """
    check_request(message)
    choice = message.WhichOneof("flavor_choice")
    if choice is None:
        raise InvalidRequestError("give a flavor, by name or in full", field="flavor")
    flavor = catalog.flavor(message.flavor_name) if choice == "flavor_name" else flavor_from(message.flavor)
    image = Image(message.image.id, message.image.disk_format, dict(message.image.properties))
    count = message.num_instances or 1
    check_amount("num_instances", count, 1, MAX_INSTANCES)
    instances_of(message, count)
    if message.instance_group:
        catalog.group(message.instance_group)
    alternates = message.alternates if message.HasField("alternates") else None
    if alternates is not None:
        check_amount("alternates", alternates, 0, MAX_ALTERNATES)
    destination = message.requested_destination if message.HasField("requested_destination") else None
    request = RequestSpec(
        flavor=flavor,
        num_instances=count,
        image=image,
        instance_uuids=tuple(message.instance_uuids),
        project_id=message.project_id,
        user_id=message.user_id,
        availability_zone=message.availability_zone,
        required_traits=frozenset(message.required_traits),
        forbidden_traits=frozenset(message.forbidden_traits),
        any_of_traits=_any_of(message.any_of_traits),
        root_required=frozenset(message.root_required_traits),
        root_forbidden=frozenset(message.root_forbidden_traits),
        member_of=tuple(frozenset(item.aggregate_uuids) for item in message.member_of),
        forbidden_aggregates=frozenset(message.forbidden_aggregates),
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
        numa=_numa(message, flavor, image),
        pci_requests=_pci_requests(message, flavor, image, aliases),
        networks=networks_from(message.networks) if message.HasField("networks") else None,
        requested_resources=_groups(message.requested_resources),
        same_subtree=_subtrees(message.same_subtree),
        network_aggregates=tuple(frozenset(item.aggregate_uuids) for item in message.network_aggregates),
        tried=_tried(message.tried),
    )
    _check_names(request, fleet)
    return request


def instances_of(message: request_spec_pb2.RequestSpec, count: int) -> list[bytes]:
    """Return the consumers that a request names; raise InvalidRequestError unless there are ``count`` or none."""
    consumers = [consumer_bytes(uuid, "instance_uuids") for uuid in message.instance_uuids]
    if consumers and len(consumers) != count:
        raise InvalidRequestError(
            f"{len(consumers)} instance_uuids for {count} instances: give one each or none", field="instance_uuids"
        )
    if len(set(consumers)) != len(consumers):
        raise InvalidRequestError("instance_uuids name an instance twice", field="instance_uuids")
    return consumers


def _numa(message: request_spec_pb2.RequestSpec, flavor: Flavor, image: Image) -> GuestNuma | None:
    """Return the guest's cells: those given, or those that flavor and image ask for."""
    if message.HasField("numa_topology"):
        return guest_numa_from(message.numa_topology)
    return guest_numa(flavor, image) if flavor.extra_specs or image.properties else None


def _pci_requests(
    message: request_spec_pb2.RequestSpec, flavor: Flavor, image: Image, aliases: Aliases
) -> tuple[PciRequest, ...]:
    """Return the requests of the flavor's aliases and those given beside."""
    given = pci_requests_from(message.pci_requests) if message.pci_requests else ()
    if not (flavor.extra_specs or image.properties):
        return given
    requests = (*pci_requests(flavor, image, aliases), *given)
    names = [request.request_id for request in requests]
    if len(set(names)) != len(names):
        raise InvalidRequestError("a pci_request has the request_id of one of the flavor's", field="pci_requests")
    return requests


def _groups(messages: Iterable[request_spec_pb2.RequestGroup]) -> tuple[RequestGroup, ...]:
    groups = tuple(map(_group, messages))
    suffixes = [group.suffix for group in groups]
    if len(set(suffixes)) != len(suffixes):
        raise InvalidRequestError("two requested_resources have the same suffix", field="requested_resources")
    return groups


def _group(message: request_spec_pb2.RequestGroup) -> RequestGroup:
    where = f"requested_resources {message.suffix[:80]!r}"
    if not _SUFFIX.fullmatch(message.suffix):
        raise InvalidRequestError(f"{where}: a suffix is 1 to 64 letters, digits, - and _", field="requested_resources")
    resources = {
        check_resource_class(name): check_amount(f"{where}: {name}", amount, 1, MAX_AMOUNT)
        for name, amount in message.resources.items()
    }
    required, forbidden = frozenset(message.required_traits), frozenset(message.forbidden_traits)
    for trait in required | forbidden:
        check_trait(trait)
    if required & forbidden:
        raise InvalidRequestError(
            f"{where}: trait {min(required & forbidden)!r} is both required and forbidden", field="requested_resources"
        )
    return RequestGroup(
        suffix=message.suffix,
        resources=tuple(sorted(resources.items())),
        required=required,
        forbidden=forbidden,
        any_of=_any_of(message.any_of_traits),
        member_of=frozenset(frozenset(item.aggregate_uuids) for item in message.member_of),
        forbidden_aggregates=frozenset(message.forbidden_aggregates),
        in_tree=uuid_text(message.in_tree, "in_tree") if message.in_tree else "",
    )


def _any_of(messages: Iterable[request_spec_pb2.TraitSet]) -> frozenset[frozenset[str]]:
    sets = frozenset(frozenset(map(check_trait, message.traits)) for message in messages)
    if frozenset() in sets:
        raise InvalidRequestError(
            "a set of any_of_traits is empty: nothing has one of no traits", field="any_of_traits"
        )
    return sets


def _subtrees(messages: Iterable[request_spec_pb2.SuffixSet]) -> tuple[tuple[str, ...], ...]:
    subtrees = tuple(tuple(message.suffixes) for message in messages)
    for suffixes in subtrees:
        if not suffixes or not all(map(_SUFFIX.fullmatch, suffixes)):
            raise InvalidRequestError(
                "same_subtree needs suffixes of 1 to 64 letters, digits, - and _", field="same_subtree"
            )
    return subtrees


def _tried(messages: Iterable[request_spec_pb2.TriedHost]) -> tuple[tuple[str, str], ...]:
    tried = tuple((message.host, message.node) for message in messages)
    if any(not host for host, _ in tried):
        raise InvalidRequestError("tried names a host without a name", field="tried")
    return tried


def _check_names(request: RequestSpec, fleet: Fleet) -> None:
    """Raise InvalidRequestError for what is no trait, a trait both ways, and an unknown aggregate; most name nothing.

    A trait that nothing has is no error: as in nova, and as for a flavor's extra specs, no host is valid then.
    """
    _check_traits(request.required_traits, request.forbidden_traits, "")
    _check_traits(request.root_required, request.root_forbidden, "root_")
    for wanted in request.member_of:
        unknown = sorted(wanted - fleet.aggregates.keys())
        if unknown:
            raise InvalidRequestError(
                f"no aggregate has the uuid {unknown[0]!r}", field="member_of", aggregate=unknown[0]
            )


def _check_traits(required: frozenset[str], forbidden: frozenset[str], prefix: str) -> None:
    for name in sorted(required | forbidden):
        check_trait(name, f"{prefix}required_traits" if name in required else f"{prefix}forbidden_traits")
    both = required & forbidden
    if both:
        raise InvalidRequestError(
            f"trait {min(both)!r} is both required and forbidden", field=f"{prefix}forbidden_traits"
        )


def check_zone(request: RequestSpec, fleet: Fleet, default_zone: str) -> None:
    """Raise InvalidRequestError for an availability zone that no host and no aggregate names, the default one aside."""
    zone = request.availability_zone
    if zone and zone != default_zone and zone not in fleet.zones:
        known = ", ".join(sorted(fleet.zones)) or "none"
        raise InvalidRequestError(
            f"there is no availability zone {zone!r}; there are: {known}", field="availability_zone", zone=zone
        )
