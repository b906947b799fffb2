"""Fleet: the read side of the host table, which the live table and its immutable snapshots share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from engine.errors import UnknownHostError
from engine.fitting.pci import total
from engine.inventory.devices import Devices, DeviceState
from engine.inventory.profiles import BitNames, Numbering, Profile, Units
from engine.inventory.provider_shapes import ProviderNames, children_of, offers_columns, whole_tree
from engine.inventory.schema import CLASS_PREFIX, NO_HEARTBEAT, metric_column
from engine.model.aggregate import Aggregate, zone_mark
from engine.model.candidates import Provider, ProviderTree
from engine.model.host import Host, HostService
from engine.model.numa import HostNuma
from engine.model.pci import PciPool
from engine.model.resources import DISK_GB, MEMORY_MB, RESOURCE_CLASSES, VCPU, ResourceInventory

AnyArray = npt.NDArray[Any]
_Made = TypeVar("_Made")


@dataclass(slots=True)
class Identity:
    """The text that is a host's own, one list an item, by row; ``providers`` names those under its own (see devices).

    It is replaced whole before a change that must not show in a snapshot.
    """

    host_ids: list[str]
    uuids: list[str]
    nodenames: list[str]
    host_ips: list[str]
    disabled_reasons: dict[int, str]
    row_of: dict[str, int]
    providers: dict[int, ProviderNames] = field(default_factory=dict)

    def copy(self) -> Identity:
        """Return a copy that can be changed without showing in this one."""
        return Identity(
            list(self.host_ids),
            list(self.uuids),
            list(self.nodenames),
            list(self.host_ips),
            dict(self.disabled_reasons),
            dict(self.row_of),
            dict(self.providers),
        )


class Fleet:
    """The read side of the host table: columns by name, each padded beyond ``rows``, and the codes' meanings.

    ``generation`` counts every change of the table. A row is a host where the column ``present`` is 1.
    """

    def __init__(
        self,
        columns: dict[str, AnyArray],
        rows: int,
        generation: int,
        identity: Identity,
        profiles: Numbering[Profile],
        memberships: Numbering[frozenset[int]],
        units: Numbering[Units],
        metric_sets: Numbering[frozenset[str]],
        traits: BitNames,
        aggregate_codes: Numbering[str],
        aggregates: dict[str, Aggregate],
        devices: Devices,
    ) -> None:
        self.columns = columns
        self.arrays = columns
        """The columns for compiled code, to which a locked array is another type; a snapshot locks ``columns`` only."""
        self.rows = rows
        self._generation = generation
        self.identity = identity
        self.profiles = profiles
        self.memberships = memberships
        self.units = units
        self.metric_sets = metric_sets
        self.traits = traits
        self.aggregate_codes = aggregate_codes
        self.aggregates = aggregates
        self.devices = devices
        self.facts_revision = 0
        """Grows whenever a text fact, a unit or an aggregate changes anywhere."""
        self._of_facts: dict[Hashable, tuple[int, Any]] = {}

    @property
    def generation(self) -> int:
        """How many changes the table had seen."""
        return self._generation

    @property
    def host_count(self) -> int:
        """How many hosts there are."""
        return int(self.columns["present"].sum())

    def __len__(self) -> int:
        return self.host_count

    def row(self, host_id: str) -> int:
        """Return the row of a host; raise UnknownHostError."""
        row = self.identity.row_of.get(host_id)
        if row is None:
            raise UnknownHostError(
                f"no host is called {host_id!r}: `berth hosts list` shows those there are", host_id=host_id
            )
        return row

    def find(self, host_id: str) -> int | None:
        """Return the row of a host, or None."""
        return self.identity.row_of.get(host_id)

    def present_rows(self) -> npt.NDArray[np.int64]:
        """Return the rows that are hosts, ascending."""
        return np.flatnonzero(self.columns["present"])

    def membership_aggregates(self, code: int) -> tuple[Aggregate, ...]:
        """Return the aggregates of a membership code, in the order they became known.

        The numberings only grow and a snapshot shares them with the live table, so a membership that no host has here
        may name aggregates that are gone, or that are not there yet.
        """
        uuids = (self.aggregate_codes.values[item] for item in sorted(self.memberships.values[code]))
        return tuple(self.aggregates[uuid] for uuid in uuids if uuid in self.aggregates)

    @property
    def zones(self) -> frozenset[str]:
        """Every availability zone that a host or an aggregate's metadata names; made anew only when facts changed."""
        return self.of_facts("zones", self._named_zones)

    def _named_zones(self) -> frozenset[str]:
        profiles = np.unique(self.columns["profile"][self.present_rows()])
        named = {self.profiles.values[code].availability_zone for code in profiles.tolist()}
        named |= {aggregate.metadata.get("availability_zone", "") for aggregate in self.aggregates.values()}
        return frozenset(named - {""})

    @property
    def cell_of_profile(self) -> npt.NDArray[np.int32]:
        """Code of the cell of each profile, at least one long; all the same in a fleet of one cell."""
        return self.of_facts("cells", self._coded_cells)

    def _coded_cells(self) -> npt.NDArray[np.int32]:
        cells = [profile.cell for profile in self.profiles.values] or [""]
        return np.unique(cells, return_inverse=True)[1].astype(np.int32)

    def of_facts(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """Return what ``make`` makes of facts and aggregates, kept under ``key`` until one of them changes."""
        kept = self._of_facts.get(key)
        if kept is None or kept[0] != self.facts_revision:
            kept = self._of_facts[key] = (self.facts_revision, make())
        made: _Made = kept[1]
        return made

    def aggregate_host_rows(self, uuid: str) -> npt.NDArray[np.int64]:
        """Return the rows of the hosts in one aggregate, ascending."""
        code = self.aggregate_codes.codes.get(uuid)
        inside = np.array([code in members for members in self.memberships.values], dtype=bool)
        if not len(inside):
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(inside[self.columns["membership"]] & (self.columns["present"] == 1))

    def metrics_of(self, row: int) -> dict[str, int]:
        """Return what a row's monitors measure, by metric name."""
        names = self.metric_sets.values[int(self.columns["metrics"][row])]
        return {name: int(self.columns[metric_column(name)][row]) for name in names}

    def reports_metric(self, name: str) -> npt.NDArray[np.bool_]:
        """Return, for each row, whether it reports the metric."""
        reports = np.array([name in names for names in self.metric_sets.values], dtype=np.bool_)
        return reports[self.columns["metrics"]]

    # -- devices -------------------------------------------------------------------------------------------------------

    def numa(self, row: int) -> HostNuma | None:
        """Return a row's NUMA cells with all that is used of them."""
        return self.devices.numas.values[int(self.columns["numa"][row])]

    def pci_pools(self, row: int) -> tuple[PciPool, ...]:
        """Return a row's PCI pools with what is free in them."""
        return self.devices.pools.values[int(self.columns["pci"][row])] or ()

    def tree(self, row: int) -> ProviderTree | None:
        """Return a row's provider tree with all that is used of it, None where the columns say all there is."""
        return self.provider_tree(row) if self.columns["tree"][row] else None

    def provider_tree(self, row: int) -> ProviderTree:
        """Return a row's provider tree, of nothing but the host's own provider where the columns say all there is."""
        shape = self.devices.trees.values[int(self.columns["tree"][row])]
        return whole_tree(self.own_provider(row), shape, self.identity.providers.get(row, ()))

    def own_provider(self, row: int) -> Provider:
        """Return a host's own provider as the columns have it; a class of which there is nothing is left out."""
        inventories = self._inventories(row)
        profile = self.profiles.values[self._number("profile", row)]
        aggregates = {item.uuid for item in self.membership_aggregates(self._number("membership", row))}
        if profile.availability_zone:
            aggregates.add(zone_mark(profile.availability_zone))
        used = [
            (name, self._number(f"{CLASS_PREFIX[name]}_used", row)) for name, item in inventories.items() if item.total
        ]
        return Provider(
            uuid=self.identity.uuids[row],
            name=self.identity.nodenames[row],
            inventories=tuple(sorted((name, item) for name, item in inventories.items() if item.total)),
            traits=frozenset(self.traits.names(profile.traits)),
            aggregates=frozenset(aggregates),
            used=tuple(sorted((name, amount) for name, amount in used if amount)),
        )

    @property
    def sharing(self) -> Mapping[str, Provider]:
        """The sharing providers by uuid, with all that is used of them."""
        return self.devices.sharing

    def sharing_with(self, row: int) -> tuple[Provider, ...]:
        """Return the sharing providers that are in an aggregate with a provider of the row's tree."""
        if not self.devices.sharing:
            return ()
        shape = self.devices.trees.values[self._number("tree", row)]
        mine = {item.uuid for item in self.membership_aggregates(self._number("membership", row))}
        if shape is not None:
            mine.update(*(child.aggregates for child in shape.providers[1:]))
        return tuple(item for item in self.devices.sharing.values() if item.aggregates & mine)

    @property
    def has_nested_or_sharing(self) -> bool:
        """Whether any provider has a parent or is shared, which changes how placement reads every request."""
        return bool(self.devices.sharing) or bool(self.identity.providers)

    @property
    def beyond_columns(self) -> npt.NDArray[np.bool_] | None:
        """Rows whose VCPU, MEMORY_MB or DISK_GB other providers may give too; None where there are none such.

        What the columns have free is no bound for a request there.
        """
        if not self.has_nested_or_sharing:
            return None
        return self.of_facts("beyond columns", self._rows_beyond_columns)

    def _rows_beyond_columns(self) -> npt.NDArray[np.bool_] | None:
        sharing = [
            item
            for item in self.devices.sharing.values()
            if any(name in RESOURCE_CLASSES for name, _ in item.inventories)
        ]
        reachable = frozenset[str]().union(*(item.aggregates for item in sharing))
        shapes = [
            shape is not None
            and (offers_columns(shape) or any(child.aggregates & reachable for child in shape.providers[1:]))
            for shape in self.devices.trees.values
        ]
        memberships = [
            any(item.uuid in reachable for item in self.membership_aggregates(code))
            for code in range(len(self.memberships))
        ]
        rows = np.array(shapes, dtype=np.bool_)[self.columns["tree"]]
        rows |= np.array(memberships, dtype=np.bool_)[self.columns["membership"]]
        rows &= self.columns["present"] == 1
        return rows if rows.any() else None

    def reported_devices(self, row: int) -> DeviceState:
        """Return a row's devices as the host reports them, without what Berth's allocations hold."""
        held = self.devices.holdings.get(row)
        return self.device_state(row) if held is None else held.base

    def device_state(self, row: int) -> DeviceState:
        """Return a row's devices with all that is used of them."""
        devices = self.devices
        return DeviceState(
            devices.numas.values[self._number("numa", row)],
            devices.pools.values[self._number("pci", row)],
            devices.trees.values[self._number("tree", row)],
        )

    def _inventories(self, row: int) -> dict[str, ResourceInventory]:
        """Return the inventories of the classes that every host has columns for."""
        number = self._number
        units = self.units.values[number("units", row)]
        inventories = {}
        for resource_class, unit in ((VCPU, units.vcpu), (MEMORY_MB, units.memory_mb), (DISK_GB, units.disk_gb)):
            prefix = CLASS_PREFIX[resource_class]
            ratio = float(self.columns[f"{prefix}_allocation_ratio"][row])
            inventories[resource_class] = ResourceInventory(
                number(f"{prefix}_total", row), number(f"{prefix}_reserved", row), ratio, unit[0], unit[1], unit[2]
            )
        return inventories

    def host(self, row: int) -> Host:
        """Return one row as a record, foreign use and Berth's own allocations told apart as in an update."""
        number = self._number
        profile = self.profiles.values[number("profile", row)]
        reported = self.reported_devices(row)
        inventories = self._inventories(row)
        if reported.tree is not None:
            inventories.update(reported.tree.root.inventories)
        seen = number("last_seen_up_us", row)
        identity = self.identity
        return Host(
            host_id=identity.host_ids[row],
            uuid=identity.uuids[row],
            nodename=identity.nodenames[row],
            inventories=inventories,
            vcpus_used=number("vcpu_foreign", row),
            memory_mb_used=number("memory_mb_foreign", row),
            local_gb_used=number("disk_gb_foreign", row),
            free_ram_mb=number("base_free_ram_mb", row),
            free_disk_gb=number("base_free_disk_gb", row),
            num_instances=number("base_num_instances", row),
            num_io_ops=number("num_io_ops", row),
            failed_builds=number("failed_builds", row),
            pci_devices=number("pci_devices", row) if reported.pools is None else total(reported.pools),
            availability_zone=profile.availability_zone,
            hypervisor_type=profile.hypervisor_type,
            hypervisor_version=profile.hypervisor_version,
            arch=profile.arch,
            supported_instances=profile.supported_instances,
            cpu_info=profile.cpu_info,
            host_ip=identity.host_ips[row],
            cell=profile.cell,
            traits=frozenset(self.traits.names(profile.traits)),
            numa=reported.numa,
            pci_pools=reported.pools,
            children=children_of(reported.tree, self.identity.providers.get(row, ())),
            stats=dict(profile.stats),
            metrics=self.metrics_of(row),
            service=HostService(
                bool(number("service_disabled", row)),
                identity.disabled_reasons.get(row, ""),
                bool(number("service_forced_down", row)),
                None if seen == NO_HEARTBEAT else seen,
            ),
            never_reported=profile.never_reported,
        )

    def _number(self, column: str, row: int) -> int:
        return int(self.columns[column][row])
