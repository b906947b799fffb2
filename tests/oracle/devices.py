"""NUMA cells, PCI devices and resource providers of a case: as Berth takes them, and as the case writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.fitting.pci import total
from engine.inventory.fleet import Fleet
from engine.model.candidates import Candidate, Provider, RequestGroup
from engine.model.numa import GuestCell, GuestNuma, NetworkNeeds
from engine.model.pci import PciRequest
from engine.model.resources import ResourceInventory

OWNER = "OWNER_NOVA"
"""The trait that every provider of an end-to-end case has."""


def device_columns(host: dict[str, Any]) -> dict[str, str]:
    """Return a host's device columns of a fleet table."""
    pools = [{"vendor_id": "", "product_id": "", **pool} for pool in host.get("pci_device_pools") or ()]
    topology = host.get("numa_topology")
    children = [_child(item, host) for item in host.get("children") or ()]
    providers = {"inventories": host.get("extra_inventories") or {}, "providers": children}
    return {
        "numa_topology": json.dumps(topology) if topology else "",
        "pci_device_pools": json.dumps(pools) if pools else "",
        "resource_providers": json.dumps(providers) if any(providers.values()) else "",
    }


def _child(item: dict[str, Any], host: dict[str, Any]) -> dict[str, Any]:
    parent = item.get("parent")
    return {
        "uuid": item["uuid"],
        "name": item.get("name", ""),
        "parent": None if parent == host["uuid"] else parent,
        "inventories": item.get("inventories") or {},
        "used": item.get("used") or {},
        "traits": [*item.get("traits", ()), OWNER],
        "aggregates": item.get("aggregates") or [],
    }


def sharing_provider(item: dict[str, Any]) -> Provider:
    """Return a case's sharing provider."""
    inventories = ((name, ResourceInventory(**values)) for name, values in item["inventories"].items())
    return Provider(
        uuid=item["uuid"],
        name=item["name"],
        inventories=tuple(sorted(inventories, key=lambda pair: pair[0])),
        traits=frozenset([*item["traits"], OWNER]),
        aggregates=frozenset(item["aggregates"]),
        used=tuple(sorted((item.get("used") or {}).items())),
    )


def offers(hosts: Sequence[dict[str, Any]]) -> dict[int, tuple[Candidate, ...]] | None:
    """Return, by row, the allocation candidates that a case spells out; None where it has none."""
    found = {
        row: tuple(_candidate(item) for item in host["allocation_candidates"])
        for row, host in enumerate(hosts)
        if host.get("allocation_candidates") is not None
    }
    return found or None


def _candidate(item: dict[str, Any]) -> Candidate:
    allocations = sorted((uuid, tuple(sorted(of["resources"].items()))) for uuid, of in item["allocations"].items())
    mappings = sorted((suffix, tuple(uuids)) for suffix, uuids in (item.get("mappings") or {}).items())
    return Candidate(tuple(allocations), tuple(mappings))


def pci_requests(spec: Mapping[str, Any]) -> tuple[PciRequest, ...]:
    """Return the PCI devices that a case's request asks for."""
    return tuple(
        PciRequest(
            count=item["count"],
            specs=tuple(tuple(sorted(each.items())) for each in item.get("spec") or ()),
            numa_policy=item.get("numa_policy") or "",
            request_id=item.get("request_id") or "",
            alias_name=item.get("alias_name") or "",
            requester_id=item.get("requester_id") or "",
            live_migratable=item.get("live_migratable"),
        )
        for item in spec.get("pci_requests") or ()
    )


def networks(spec: Mapping[str, Any]) -> NetworkNeeds | None:
    """Return what the networks of a case's request want near its cells."""
    needs = spec.get("network_metadata")
    return NetworkNeeds(frozenset(needs.get("physnets") or ()), bool(needs.get("tunneled"))) if needs else None


def requested_resources(spec: Mapping[str, Any]) -> tuple[RequestGroup, ...]:
    """Return the further groups of a case's request."""
    return tuple(
        RequestGroup(item["requester_id"], tuple(sorted((item.get("resources") or {}).items())))
        for item in spec.get("requested_resources") or ()
    )


def guest_of(topology: Mapping[str, Any] | None) -> GuestNuma | None:
    """Return the guest topology that a case spells out."""
    if not topology:
        return None
    cells = tuple(
        GuestCell(
            cell_id=cell["id"],
            cpus=frozenset(cell["cpuset"]),
            dedicated_cpus=frozenset(cell.get("pcpuset") or ()),
            memory_mb=cell["memory"],
            page_size_kb=cell.get("pagesize"),
            cpu_policy=cell.get("cpu_policy"),
            cpu_thread_policy=cell.get("cpu_thread_policy"),
        )
        for cell in topology["cells"]
    )
    return GuestNuma(cells, topology.get("emulator_threads_policy"))


def guest_record(guest: GuestNuma | None) -> dict[str, Any] | None:
    """Return a guest topology as cases write it."""
    if guest is None:
        return None
    return {
        "cells": [
            {
                "id": cell.cell_id,
                "cpuset": sorted(cell.cpus),
                "pcpuset": sorted(cell.dedicated_cpus),
                "memory": cell.memory_mb,
                "pagesize": cell.page_size_kb,
                "cpu_policy": cell.cpu_policy,
                "cpu_thread_policy": cell.cpu_thread_policy,
            }
            for cell in guest.cells
        ],
        "emulator_threads_policy": guest.emulator_threads_policy,
    }


def devices_after(fleet: Fleet, row: int) -> dict[str, Any]:
    """Return what a host has free and used of its devices, as cases write it."""
    host = fleet.numa(row)
    numa = None
    if host is not None:
        numa = [
            {
                "id": cell.cell_id,
                "cpu_usage": cell.cpu_usage,
                "memory_usage": cell.memory_usage_mb,
                "pinned": len(cell.pinned_cpus),
                "mempages_used": {str(pages.size_kb): pages.used for pages in cell.pages},
            }
            for cell in host.cells
        ]
    return {"pci_free": total(fleet.pci_pools(row)), "numa": numa}
