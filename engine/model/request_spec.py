"""RequestSpec: what is asked for when hosts are to be selected (nova's RequestSpec)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.model.candidates import RequestGroup
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.limits import MAX_INSTANCES, check_amount
from engine.model.numa import GuestNuma, NetworkNeeds
from engine.model.pci import PciRequest


@dataclass(frozen=True, slots=True)
class RequestedDestination:
    """A host (and perhaps node) or a cell the caller insists on; filters still run, unlike with forced hosts.

    With ``allow_cross_cell_move`` hosts of other cells are looked at too, and ``cell`` is one that weighers know.
    """

    host: str = ""
    node: str = ""
    cell: str = ""
    allow_cross_cell_move: bool = False


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """A request for ``num_instances`` hosts of one shape.

    ``instance_uuids`` name the consumers (as many as num_instances, or none to have them made). ``required_traits``,
    ``forbidden_traits`` and ``member_of`` (a sequence of sets of aggregate uuids: any of each set) narrow the
    candidates as placement's query would, as do ``any_of_traits`` (one of each set) and ``forbidden_aggregates``;
    ``root_required`` and ``root_forbidden`` are traits of the host itself, whichever provider gives what.
    ``instance_group`` is a server group's uuid. ``alternates`` is how many to return per instance; None means
    max_attempts - 1. ``numa`` is the guest topology that the flavor and image ask for, None for none.
    ``requested_resources`` are further groups, of ports and device profiles, each with a suffix of its own;
    ``same_subtree`` names suffixes that belong under one provider. ``network_aggregates`` are, for each routed network,
    the uuids of its segments' aggregates, read with query_placement_for_routed_network_aggregates. ``tried`` are
    (host, node) pairs that failed to build the instance before (RetryFilter).
    """

    flavor: Flavor
    num_instances: int = 1
    image: Image = field(default_factory=Image)
    instance_uuids: tuple[str, ...] = ()
    project_id: str = ""
    user_id: str = ""
    availability_zone: str = ""
    required_traits: frozenset[str] = frozenset()
    forbidden_traits: frozenset[str] = frozenset()
    any_of_traits: frozenset[frozenset[str]] = frozenset()
    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()
    member_of: tuple[frozenset[str], ...] = ()
    forbidden_aggregates: frozenset[str] = frozenset()
    instance_group: str = ""
    scheduler_hints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    force_hosts: tuple[str, ...] = ()
    force_nodes: tuple[str, ...] = ()
    ignore_hosts: tuple[str, ...] = ()
    requested_destination: RequestedDestination | None = None
    is_bfv: bool = False
    alternates: int | None = None
    numa: GuestNuma | None = None
    pci_requests: tuple[PciRequest, ...] = ()
    networks: NetworkNeeds | None = None
    requested_resources: tuple[RequestGroup, ...] = ()
    same_subtree: tuple[tuple[str, ...], ...] = ()
    network_aggregates: tuple[frozenset[str], ...] = ()
    tried: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_amount("num_instances", self.num_instances, 1, MAX_INSTANCES)

    @property
    def is_rebuild(self) -> bool:
        """True for a rebuild in place, which only some filters look at."""
        return tuple(self.scheduler_hints.get("_nova_check_type", ())) == ("rebuild",)
