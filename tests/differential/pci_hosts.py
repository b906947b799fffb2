"""Random pools of PCI devices and random requests for some."""

from __future__ import annotations

from tests.differential.chance import Chance, Content
from tests.differential.numa_hosts import PHYSNETS

GPU, NIC, VF = ("10de", "20b5"), ("8086", "1572"), ("15b3", "101e")
_TYPES = {GPU: ("type-PCI", "type-PF"), NIC: ("type-PF", "type-PCI"), VF: ("type-VF", "vdpa")}
_POLICIES = ("required", "legacy", "preferred", "socket")


def give_pools(chance: Chance, host: Content) -> None:
    """Give a host up to five pools, on its NUMA cells, on none, or on one it does not have."""
    cells = [cell["id"] for cell in (host.get("numa_topology") or {"cells": []})["cells"]]
    pools: list[Content] = []
    for _ in range(chance.number(0, 5)):
        device = chance.one((GPU, NIC, VF))
        kind = chance.one(_TYPES[device])
        tags = {"dev_type": kind}
        if kind != "type-PCI":
            tags["remote_managed"] = chance.one(("false", "false", "true"))
            if chance.maybe(0.6):
                tags["physical_network"] = chance.one(PHYSNETS)
        if chance.maybe(0.25):
            tags["live_migratable"] = chance.one(("true", "false"))
        if chance.maybe(0.4):
            tags["rp_uuid"] = chance.uuid()
        elif chance.maybe(0.5):
            tags["address"] = f"0000:{chance.number(0, 255):02x}:00.0"
        pools.append(
            {
                "vendor_id": device[0],
                "product_id": device[1],
                "numa_node": chance.one((*cells, *cells, None, 7)) if cells else chance.one((None, 0, 1)),
                "count": chance.one((0, 1, 1, 2, 3, 8)),
                "tags": tags,
            }
        )
    if pools:
        host["pci_device_pools"] = pools
    else:
        host["pci_device_pools"] = chance.one((None, []))


def ask_devices(chance: Chance, case: Content) -> None:
    """Ask for devices, of one or several kinds, sometimes tracked in placement and so tied to providers."""
    requests = [_request(chance) for _ in range(chance.one((1, 1, 1, 2, 3)))]
    case["request_spec"]["pci_requests"] = requests
    if chance.maybe(0.25):
        _track_in_placement(chance, case, requests[0])


def _request(chance: Chance) -> Content:
    specs = []
    for device in chance.some((GPU, NIC, VF), 1, 2 if chance.maybe(0.3) else 1):
        spec = {"vendor_id": device[0], "product_id": device[1]}
        if chance.maybe(0.1):
            spec = {key: value.upper() for key, value in spec.items()}
        if chance.maybe(0.3):
            spec["dev_type"] = chance.one(("type-PCI", "type-PF", "type-VF", "vdpa"))
        if chance.maybe(0.15):
            spec["physical_network"] = chance.one(PHYSNETS)
        if chance.maybe(0.15):
            spec["remote_managed"] = chance.one(("true", "True", "false"))
        if chance.maybe(0.15):
            spec["live_migratable"] = chance.one(("true", "false"))
        if chance.maybe(0.1):
            spec["resource_class"] = "CUSTOM_ANY"
        specs.append(spec)
    request = {"request_id": chance.uuid(), "count": chance.one((1, 1, 1, 2, 3)), "alias_name": "a1", "spec": specs}
    if chance.maybe(0.5):
        request["numa_policy"] = chance.one(_POLICIES)
    if chance.maybe(0.2):
        # a port's request, which never comes from an alias
        request |= {"alias_name": None, "requester_id": chance.uuid(), "count": 1}
    return request


def _track_in_placement(chance: Chance, case: Content, request: Content) -> None:
    """Give each host candidates that name the providers of the request's devices."""
    spec = case["request_spec"]
    groups = [f"{request['request_id']}-{number}" for number in range(request["count"])]
    spec["requested_resources"] = [
        {"requester_id": group, "resources": {"CUSTOM_PCI_10DE_20B5": 1}} for group in groups
    ]
    for host in case["hosts"]:
        providers = [
            pool["tags"]["rp_uuid"] for pool in host.get("pci_device_pools") or () if "rp_uuid" in pool["tags"]
        ]
        candidates = []
        for _ in range(chance.number(1, 3) if providers else 0):
            chosen = [chance.one(providers) for _ in groups]
            allocations: Content = {host["uuid"]: {"resources": {"VCPU": spec["flavor"]["vcpus"]}}}
            for provider in chosen:
                given = allocations.setdefault(provider, {"resources": {"CUSTOM_PCI_10DE_20B5": 0}})
                given["resources"]["CUSTOM_PCI_10DE_20B5"] += 1
            mappings = {group: [provider] for group, provider in zip(groups, chosen, strict=True)}
            candidates.append({"allocations": allocations, "mappings": {"": [host["uuid"]], **mappings}})
        host["allocation_candidates"] = candidates
