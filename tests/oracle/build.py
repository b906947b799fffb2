"""From an oracle case to what Berth selects with: a host table, a chain, a request, and the server group's state."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa

from engine.fitting.numa_request import guest_numa
from engine.inventory.fleet_schema import COLUMNS, FLEET_SCHEMA
from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.model.candidates import Candidate
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.request_spec import RequestedDestination, RequestSpec
from engine.model.selection import Selection
from engine.scheduler.chain import Chain
from engine.scheduler.image_texts import image_texts
from engine.scheduler.options import PLACEMENT_FILTERS, SchedulerOptions
from engine.scheduler.registry import Filter, all_filters, nova_weighers
from engine.scheduler.select import Selector, Step
from engine.scheduler.sparse import GroupState, ImageCounts, OwnRows, SelectionContext
from tests.oracle.devices import (
    OWNER,
    device_columns,
    guest_of,
    networks,
    offers,
    pci_requests,
    requested_resources,
    sharing_provider,
)

DEFAULT_CELL = "11111111-1111-4111-8111-111111111111"
_STATS_COLUMNS = {"num_instances": "num_instances", "num_io_ops": "io_workload", "failed_builds": "failed_builds"}
_COLUMN_DEFAULTS = {column.name: column.default for column in COLUMNS if column.default is not None}
_RESERVED = {"vcpus": "VCPU", "memory_mb": "MEMORY_MB", "disk_gb": "DISK_GB"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A case made ready: what ``Selector.select`` takes; a group grows as instances join, so each use makes its own."""

    table: HostTable
    chain: Chain
    request: RequestSpec
    own_rows: OwnRows
    members: tuple[bool, ...]
    instance_rows: Mapping[str, int]
    image_counts: ImageCounts
    offers: Mapping[int, Sequence[Candidate]] | None
    make_group: Callable[[], GroupState | None]

    @property
    def selector(self) -> Selector:
        """A selector on the table; no case asks for chance."""
        return Selector(self.table, self.chain, random.Random(0))

    def context(self) -> SelectionContext:
        """What filters and weighers see beside the request, before its first instance is placed."""
        return SelectionContext(
            self.table,
            self.make_group(),
            self.own_rows[0] if self.own_rows else frozenset(),
            self.instance_rows,
            self.image_counts,
            self.offers,
        )

    def select(self, steps: list[Step]) -> list[Selection]:
        """Return the selections for the request, and in ``steps`` the hosts as weighed before each choice."""
        return self.selector.select(
            self.request,
            group=self.make_group(),
            own_rows=self.own_rows,
            instance_rows=self.instance_rows,
            image_counts=self.image_counts,
            offers=self.offers,
            members=self.members,
            steps=steps,
        )


class OracleChain(Chain):
    """A chain whose kernels hold every column filter and weigher, so that hundreds of cases compile two kernels.

    Which filters run is told at each call (``enabled``) and multipliers are arguments: the answers are a chain's own.
    """

    @cached_property
    def column_filters(self) -> tuple[Filter, ...]:
        """Every column filter there is, by name."""
        return tuple(item for _, item in sorted(all_filters().items()) if item.kind == "column")

    @cached_property
    def view_weighers(self) -> tuple[int, ...]:
        """Every column weigher, multiplied by 0 or not; no case is answered from a view."""
        return tuple(index for index, item in enumerate(self.weighers) if item.kind == "column")


def build_scenario(
    content: dict[str, Any], *, placement_filters: tuple[str, ...] = (), quirks: bool = True
) -> Scenario:
    """Return the scenario of a nova case, with these placement filters before nova's own.

    Raises InvalidHostError or InvalidRequestError for facts that Berth does not take.
    """
    order = content["expected"].get("weigher_order") or []
    options = build_options(content["config"], placement_filters, order, quirks=quirks)
    table = build_table(content)
    down_time = int(content["config"].get("DEFAULT", {}).get("service_down_time", 60))
    table.refresh_services(microseconds(content["now"]), down_time * 1_000_000)
    request = build_request(content)
    spec = content["request_spec"]
    members = frozenset((spec.get("instance_group") or {}).get("members", ()))
    uuids = spec.get("instance_uuids") or []
    return Scenario(
        table=table,
        chain=OracleChain.from_options(options, weigher_order=order or None),
        request=request,
        own_rows=tuple(_rows_with_instances(content["hosts"], frozenset([uuid])) for uuid in uuids),
        members=tuple(uuid in members for uuid in uuids) or (False,) * request.num_instances,
        instance_rows=_instance_rows(content["hosts"]),
        image_counts=_image_counts(content["hosts"]),
        offers=offers(content["hosts"]),
        make_group=lambda: build_group(content, table),
    )


def probe_chain(scenario: Scenario) -> Chain:
    """Return a chain of every filter of nova's that Berth has, for asking each alone."""
    names = tuple(name for name in all_filters() if name not in PLACEMENT_FILTERS)
    multipliers: dict[str, Any] = {
        item.name: item.default for item in fields(SchedulerOptions) if item.name.endswith("_multiplier")
    }
    return OracleChain.from_options(
        replace(scenario.chain.options, enabled_filters=names, placement_filters=(), **multipliers)
    )


def build_options(
    config: dict[str, dict[str, Any]],
    placement_filters: tuple[str, ...],
    weigher_order: Sequence[str],
    *,
    quirks: bool = True,
) -> SchedulerOptions:
    """Return the options a case's configuration sets, as far as Berth has them, in the types of their defaults."""
    known_weighers = [item.name for item in nova_weighers()]
    weighers = tuple(name for name in weigher_order or known_weighers if name in known_weighers)
    metrics = {f"metrics_{name}": value for name, value in config.get("metrics", {}).items()}
    groups = ("filter_scheduler", "scheduler", "compute", "workarounds")
    given = {**{name: value for group in groups for name, value in config.get(group, {}).items()}, **metrics}
    defaults = SchedulerOptions()
    known: dict[str, Any] = {}
    for item in fields(SchedulerOptions):
        if item.name not in given:
            continue
        default, value = getattr(defaults, item.name), given[item.name]
        if isinstance(default, (tuple, frozenset, float)):
            value = type(default)(value)
        known[item.name] = value
    known["enabled_filters"] = tuple(name for name in known["enabled_filters"] if name in all_filters())
    return SchedulerOptions(
        **{
            **known,
            "placement_filters": placement_filters,
            "weight_classes": weighers,
            "nova_quirks": quirks,
        }
    )


def build_table(content: dict[str, Any]) -> HostTable:
    """Return a host table whose row order is the case's host order."""
    now = content["now"]
    table = HostTable()
    table.upsert(fleet_table([_fleet_row(host, now) for host in content["hosts"]]))
    known = {host["host"] for host in content["hosts"]}
    for aggregate in content["aggregates"]:
        hosts = frozenset(aggregate["hosts"]) & known
        table.set_aggregate(Aggregate(aggregate["uuid"], aggregate["name"], hosts, aggregate["metadata"]))
    if content.get("sharing_providers"):
        table.set_sharing([sharing_provider(item) for item in content["sharing_providers"]])
    return table


def fleet_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Return a canonical fleet table, columns that rows leave out at their defaults; facts are taken unchecked."""
    return pa.Table.from_pylist([{**_COLUMN_DEFAULTS, **row} for row in rows], schema=FLEET_SCHEMA)


def _fleet_row(host: dict[str, Any], now: str) -> dict[str, Any]:
    """Return a host as a row of a fleet table; where the case leaves a fact out, nova's default stands."""
    stats = {key: str(value) for key, value in (host.get("stats") or {}).items()}
    info = host.get("cpu_info", "")
    service = host.get("service") or {}
    disabled = bool(service.get("disabled"))
    traits = [*host.get("traits", ()), OWNER] if "traits" in host else []
    reserved = host.get("reserved") or {}
    row: dict[str, Any] = {
        "host_id": host["host"],
        "uuid": host["uuid"],
        "nodename": host.get("hypervisor_hostname") or host["host"],
        "vcpus": host["vcpus"],
        "memory_mb": host["memory_mb"],
        "disk_gb": host["local_gb"],
        "cpu_allocation_ratio": float(host.get("cpu_allocation_ratio", 4.0)),
        "ram_allocation_ratio": float(host.get("ram_allocation_ratio", 1.0)),
        "disk_allocation_ratio": float(host.get("disk_allocation_ratio", 1.0)),
        "vcpus_used": host.get("vcpus_used", 0),
        "memory_mb_used": host.get("memory_mb_used", 0),
        "local_gb_used": host.get("local_gb_used", 0),
        "free_ram_mb": host.get("free_ram_mb", host["memory_mb"] - host.get("memory_mb_used", 0)),
        "free_disk_gb": host.get("free_disk_gb", host["local_gb"] - host.get("local_gb_used", 0)),
        "disk_available_least_gb": host.get("disk_available_least"),
        "availability_zone": "",
        "hypervisor_type": host.get("hypervisor_type", "QEMU"),
        "hypervisor_version": host.get("hypervisor_version", 8002002) or 0,
        "arch": "",
        "supported_instances": ["/".join(spec) for spec in host.get("supported_hv_specs") or ()],
        "cpu_info": info if isinstance(info, str) else json.dumps(info),
        "host_ip": host.get("host_ip", "10.0.0.1"),
        "cell": host.get("cell_uuid", DEFAULT_CELL),
        "traits": traits,
        "aggregates": [],
        "stats": json.dumps(stats),
        "metrics": json.dumps({item["name"]: _metric(**item) for item in host.get("metrics") or ()}),
        "pci_devices": sum(pool["count"] for pool in host.get("pci_device_pools") or ()),
        **device_columns(host),
        "never_reported": host.get("free_disk_gb", 0) is None,
        "disabled": disabled,
        "disabled_reason": service.get("disabled_reason") or "",
        "forced_down": bool(service.get("forced_down")),
        "last_seen_up_us": microseconds(_last_seen(service, now)),
    }
    for size, resource_class in _RESERVED.items():
        # placement knows nothing of a class whose inventory is dropped: none of it is to be had
        dropped = resource_class in (host.get("drop_inventories") or ())
        row[f"{size}_reserved"] = row[size] if dropped else reserved.get(resource_class, 0)
        row[f"{size}_min_unit"] = 1
        row[f"{size}_max_unit"] = row[size]
        row[f"{size}_step_size"] = 1
    for column, key in _STATS_COLUMNS.items():
        row[column] = int(stats.get(key, 0))
    return row


def _metric(name: str, value: float, **unused: object) -> int:
    """Return a metric as nova keeps it (nova.objects.monitor_metric)."""
    return int(value * 100) if name.endswith("percent") else int(value)


def _last_seen(service: dict[str, Any], now: str) -> str:
    """Return when a service was last known to live; one never seen counts from its creation."""
    seen = service.get("last_seen_up", "now")
    if seen is None:
        seen = service.get("created_at", "now")
    return now if seen == "now" else str(seen)


def microseconds(time: str) -> int:
    """Return a UTC time as microseconds since 1970."""
    moment = datetime.fromisoformat(time).replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)


def build_request(content: dict[str, Any]) -> RequestSpec:
    """Return the case's request; raise NumaConstraintError where flavor and image contradict each other."""
    spec = content["request_spec"]
    image = spec.get("image") or {}
    destination = spec.get("requested_destination")
    uuids = spec.get("instance_uuids")
    flavor = build_flavor(spec["flavor"])
    asked_image = Image(image.get("id") or "", image.get("disk_format") or "", image.get("properties") or {})
    return RequestSpec(
        flavor=flavor,
        num_instances=len(uuids) if uuids else spec.get("num_instances", 1),
        image=asked_image,
        project_id=spec.get("project_id") or "",
        user_id=spec.get("user_id") or "",
        availability_zone=spec.get("availability_zone") or "",
        instance_group=(spec.get("instance_group") or {}).get("uuid", ""),
        scheduler_hints={key: tuple(values) for key, values in (spec.get("scheduler_hints") or {}).items()},
        force_hosts=tuple(spec.get("force_hosts") or ()),
        force_nodes=tuple(spec.get("force_nodes") or ()),
        ignore_hosts=tuple(spec.get("ignore_hosts") or ()),
        requested_destination=_destination(destination) if destination else None,
        is_bfv=bool(spec.get("is_bfv")),
        numa=guest_of(spec["numa_topology"]) if "numa_topology" in spec else guest_numa(flavor, asked_image),
        pci_requests=pci_requests(spec),
        networks=networks(spec),
        requested_resources=requested_resources(spec),
        alternates=None if content.get("return_alternates") else 0,
    )


def _destination(destination: dict[str, Any]) -> RequestedDestination:
    """Return where a request wants to go; a case begins when nova has left out the hosts of cells it cannot reach."""
    cross_cell = bool(destination.get("allow_cross_cell_move"))
    cell = destination.get("cell") if cross_cell else None
    return RequestedDestination(destination.get("host") or "", destination.get("node") or "", cell or "", cross_cell)


def build_flavor(flavor: dict[str, Any]) -> Flavor:
    """Return a case's flavor."""
    return Flavor(
        flavor["name"],
        flavor["vcpus"],
        flavor["memory_mb"],
        flavor.get("root_gb", 0),
        flavor.get("ephemeral_gb", 0),
        flavor.get("swap", 0),
        flavor.get("extra_specs") or {},
    )


def build_group(content: dict[str, Any], table: HostTable) -> GroupState | None:
    """Return the state of the request's server group before its first instance."""
    group = content["request_spec"].get("instance_group")
    if not group:
        return None
    members = frozenset(group.get("members", ()))
    counts = {}
    for row, host in enumerate(content["hosts"]):
        many = len(members & {instance["uuid"] for instance in host.get("instances") or ()})
        if many:
            counts[row] = many
    rows = {table.find(name) for name in group.get("hosts") or ()}
    return GroupState(
        policy=group["policy"],
        max_server_per_host=int((group.get("rules") or {}).get("max_server_per_host", 1)),
        member_counts=counts,
        host_rows={row for row in rows if row is not None},
        has_hosts_elsewhere=None in rows,
    )


def _instance_rows(hosts: list[dict[str, Any]]) -> dict[str, int]:
    return {instance["uuid"]: row for row, host in enumerate(hosts) for instance in host.get("instances") or ()}


def _image_counts(hosts: list[dict[str, Any]]) -> ImageCounts:
    """Return how many instances of each host have an image with a property of a value."""
    return {
        row: Counter(
            pair
            for instance in host.get("instances") or ()
            for pair in image_texts(instance.get("image_properties") or {}).items()
        )
        for row, host in enumerate(hosts)
    }


def _rows_with_instances(hosts: list[dict[str, Any]], uuids: frozenset[str]) -> frozenset[int]:
    return frozenset(
        row for row, host in enumerate(hosts) if uuids & {instance["uuid"] for instance in host.get("instances") or ()}
    )
