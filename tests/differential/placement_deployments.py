"""Random deployments for comparing with placement: flat, nested, sharing, mixed; devices, NUMA nodes, agents."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from engine.model.candidates import SHARES

TRAITS = ("CUSTOM_GOLD", "CUSTOM_SILVER", "CUSTOM_NET0", "HW_CPU_X86_AVX2", "COMPUTE_STATUS_DISABLED")
CUSTOM_TRAITS = tuple(name for name in TRAITS if name.startswith("CUSTOM_"))
CUSTOM_CLASSES = ("CUSTOM_PCI", "CUSTOM_BW")
KINDS = ("flat", "sharing", "nested", "mixed", "devices")


@dataclass(slots=True)
class Draft:
    """A deployment being made; ``providers`` are in the form of the oracle's placement cases, parents first."""

    chance: random.Random
    kind: str
    aggregates: list[str]
    providers: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, parent: str | None, inventories: dict[str, int], *traits: str) -> str:
        """Add a provider with random pieces, usage, traits and aggregates; return its uuid."""
        chance = self.chance
        provider = {
            "uuid": _uuid(chance),
            "name": f"{name}-{len(self.providers)}",
            "parent": parent,
            "inventories": {each: _inventory(chance, total) for each, total in inventories.items()},
            "traits": sorted({*traits, *(trait for trait in TRAITS if chance.random() < 0.4)}),
            "aggregates": [each for each in self.aggregates if chance.random() < (0.15 if parent else 0.35)],
        }
        provider["used"] = {each: chance.randint(1, inventories[each]) for each in inventories if chance.random() < 0.2}
        self.providers.append(provider)
        return str(provider["uuid"])


def deployment(chance: random.Random) -> tuple[str, list[dict[str, Any]]]:
    """Return a random deployment's kind and its providers."""
    kind = chance.choice(KINDS)
    draft = Draft(chance, kind, [_uuid(chance) for _ in range(3)])
    if kind in ("sharing", "mixed"):
        for _ in range(chance.randint(1, 2)):
            _sharing(draft)
    for _ in range(chance.randint(3, 8) if kind in ("flat", "sharing") else chance.randint(2, 4)):
        {"flat": _host, "sharing": _host, "nested": _numa_host, "mixed": _mixed_host, "devices": _device_host}[kind](
            draft
        )
    if kind in ("sharing", "mixed") and chance.random() < 0.5:
        _sharing(draft)
    return kind, draft.providers


def _host(draft: Draft) -> str:
    inventories = {"VCPU": 8, "MEMORY_MB": 4096, "DISK_GB": 40, "CUSTOM_BW": 10}
    kept = {name: total for name, total in inventories.items() if draft.chance.random() < 0.9}
    return draft.add("host", None, kept)


def _numa_host(draft: Draft) -> str:
    chance = draft.chance
    numa = chance.random() < 0.5
    host = draft.add("host", None, {"DISK_GB": 40} if numa else {"VCPU": 8, "MEMORY_MB": 4096, "DISK_GB": 40})
    for _ in range(chance.randint(1, 2)):
        node = draft.add("node", host, {"VCPU": 4, "MEMORY_MB": 2048, "PCPU": 4} if numa else {}, "HW_NUMA_ROOT")
        for _ in range(chance.randint(0, 2)):
            _child(draft, node)
    for _ in range(chance.randint(0, 2)):
        _child(draft, host)
    return host


def _child(draft: Draft, parent: str) -> str:
    name, inventories = draft.chance.choice(
        (
            ("gpu", {"VGPU": 2}),
            ("pci", {"CUSTOM_PCI": 1}),
            ("nic", {"CUSTOM_BW": 10, "SRIOV_NET_VF": 4}),
            ("agent", {}),
        )
    )
    return draft.add(name, parent, inventories)


def _device_host(draft: Draft) -> str:
    """Add a host with like devices, of which some may have been taken."""
    chance = draft.chance
    host = draft.add("host", None, {"VCPU": 8, "MEMORY_MB": 4096, "DISK_GB": 40, "CUSTOM_PCI": 1})
    cards = [draft.add("card", host, {}) for _ in range(chance.randint(0, 2))]
    for number in range(chance.randint(2, 5)):
        device = draft.add("device", cards[number % len(cards)] if cards else host, {"CUSTOM_PCI": 1, "VGPU": 2})
        if chance.random() < 0.8:
            provider = draft.providers[-1]
            assert provider["uuid"] == device
            provider |= {"traits": ["CUSTOM_GOLD"], "aggregates": [], "used": {}}
            provider["inventories"]["VGPU"] |= {"reserved": 0, "allocation_ratio": 1.0, "min_unit": 1, "step_size": 1}
    return host


def _mixed_host(draft: Draft) -> str:
    return draft.chance.choice((_host, _numa_host, _device_host))(draft)


def _sharing(draft: Draft) -> str:
    chance = draft.chance
    inventories = {"DISK_GB": 100} | ({"IPV4_ADDRESS": 4} if chance.random() < 0.4 else {})
    inventories |= {"CUSTOM_BW": 10} if chance.random() < 0.3 else {}
    nested = bool(draft.providers) and draft.kind == "mixed" and chance.random() < 0.2
    parent = chance.choice(draft.providers)["uuid"] if nested else None
    return draft.add("share", parent, inventories, SHARES)


def _inventory(chance: random.Random, total: int) -> dict[str, Any]:
    plain = chance.random() < 0.75
    return {
        "total": total,
        "reserved": 0 if plain else chance.randint(0, total) // 2,
        "allocation_ratio": 1.0 if plain else chance.choice((1.0, 0.9, 1.5, 2.0, 1.1)),
        "min_unit": 1 if plain else chance.choice((1, 1, 2)),
        "max_unit": total if plain else chance.choice((total, max(1, total // 2))),
        "step_size": 1 if plain else chance.choice((1, 1, 2)),
    }


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
