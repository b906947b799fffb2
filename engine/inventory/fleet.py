"""Fleet: the read side of the host table, which the live table and its immutable snapshots share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from engine.fitting.pci import total
from engine.inventory.devices import Devices, DeviceState
from engine.inventory.fleet_facts import AnyArray, FleetFacts
from engine.inventory.identity import Identity
from engine.inventory.profiles import BitNames, Numbering, Profile, Units
from engine.inventory.provider_shapes import children_of, offers_columns, whole_tree
from engine.inventory.schema import CLASS_PREFIX, NO_HEARTBEAT
from engine.model.aggregate import Aggregate, zone_mark
from engine.model.candidates import Provider, ProviderTree
from engine.model.host import Host, HostService
from engine.model.numa import HostNuma
from engine.model.pci import PciPool
from engine.model.resources import DISK_GB, MEMORY_MB, RESOURCE_CLASSES, VCPU, ResourceInventory


class Fleet(FleetFacts):
    """The facts of all hosts, and each one's NUMA cells, PCI pools and resource providers with what is used of them."""

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
        super().__init__(
            columns,
            rows,
            generation,
            identity,
            profiles,
            memberships,
            units,
            metric_sets,
            traits,
            aggregate_codes,
            aggregates,
        )
        self.devices = devices

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
            traits=frozenset(self.traits.names(self.provider_traits(profile))),
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
