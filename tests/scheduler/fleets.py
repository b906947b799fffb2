"""Random fleets and requests in the oracle cases' format, full of ties, overfull hosts and hosts that are down."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

NOW = "2026-01-15T12:00:00"
CELLS = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
OVERRIDES = (
    "ram_weight_multiplier",
    "cpu_weight_multiplier",
    "build_failure_weight_multiplier",
    "io_ops_weight_multiplier",
    "pci_weight_multiplier",
)
DOWN: tuple[dict[str, Any], ...] = ({"disabled": True}, {"forced_down": True}, {"last_seen_up": "2026-01-15T11:58:00"})
TRAITS = ("CUSTOM_GOLD", "CUSTOM_SILVER")
FLAVORS: tuple[dict[str, Any], ...] = (
    {"name": "small", "vcpus": 1, "memory_mb": 512, "root_gb": 0, "ephemeral_gb": 0, "swap": 0},
    {"name": "medium", "vcpus": 2, "memory_mb": 2048, "root_gb": 20, "ephemeral_gb": 0, "swap": 100},
    {"name": "large", "vcpus": 7, "memory_mb": 9000, "root_gb": 1, "ephemeral_gb": 13, "swap": 2048},
    {"name": "diskful", "vcpus": 1, "memory_mb": 1024, "root_gb": 300, "ephemeral_gb": 0, "swap": 0},
    {"name": "no memory", "vcpus": 3, "memory_mb": 0, "root_gb": 5, "ephemeral_gb": 0, "swap": 0},
)


def random_case(rng: random.Random, hosts: int, *, overrides: bool, cells: int) -> dict[str, Any]:
    """Return a case without request or answer: ``hosts`` hosts of a few kinds, and aggregates that perhaps override."""
    kinds = [_kind(rng) for _ in range(rng.randint(1, 5))]
    varied = rng.random()
    listed = [_host(rng, number, rng.choice(kinds), varied, cells) for number in range(hosts)]
    aggregates = []
    for number in range(rng.randint(1, 4) if overrides else 0):
        names = [host["host"] for host in listed if rng.random() < 0.3]
        metadata = {
            key: rng.choice(("0", "2.5", "-1", "1e3", "often", " 3 ")) for key in OVERRIDES if rng.random() < 0.5
        }
        uuid = str(UUID(int=1000 + number, version=4))
        aggregates.append({"uuid": uuid, "name": f"a{number}", "hosts": names, "metadata": metadata})
    return {"now": NOW, "hosts": listed, "aggregates": aggregates}


def _kind(rng: random.Random) -> dict[str, Any]:
    vcpus = rng.choice((2, 16, 64))
    return {
        "vcpus": vcpus,
        "memory_mb": rng.choice((8192, 32768, 262144)),
        "local_gb": rng.choice((0, 100, 2000, 2000)),
        "cpu_allocation_ratio": rng.choice((1.0, 1.5, 4.0, 16.0)),
        "ram_allocation_ratio": rng.choice((1.0, 1.2)),
        "disk_allocation_ratio": rng.choice((1.0, 1.1)),
        "hypervisor_version": rng.choice((0, 6002000, 8002002)),
        "traits": sorted(trait for trait in TRAITS if rng.random() < 0.5),
        "reserved": {"MEMORY_MB": rng.choice((0, 512)), "VCPU": rng.choice((0, 0, 1)), "DISK_GB": 0},
    }


def _host(rng: random.Random, number: int, kind: dict[str, Any], varied: float, cells: int) -> dict[str, Any]:
    full = rng.random() < 0.1
    used = rng.randint(0, 3) if rng.random() > varied else rng.randint(0, kind["vcpus"] * (20 if full else 1))
    memory_used = rng.choice((0, 512, 1024)) if rng.random() > varied else rng.randint(0, kind["memory_mb"])
    service = {} if rng.random() < 0.9 else rng.choice(DOWN)
    host = {
        **kind,
        "host": f"h{number:04}",
        "uuid": str(UUID(int=10_000 + number, version=4)),
        "vcpus_used": used,
        "memory_mb_used": memory_used * (2 if full else 1),
        "local_gb_used": min(kind["local_gb"], rng.choice((0, 0, 10, 90))),
        "stats": {
            "num_instances": rng.choice((0, 0, 1, 2, 9, 47, 50)),
            "io_workload": rng.choice((0, 0, 0, 1, 1, 6, 8)),
            "failed_builds": rng.choice((0, 0, 0, 0, 1, 3)),
        },
        "service": service,
        "cell_uuid": CELLS[rng.randrange(cells)],
    }
    if rng.random() < 0.1:
        host["pci_device_pools"] = [{"count": count} for count in rng.choice(((1,), (3, 4), (64, 64)))]
    if rng.random() < 0.2:
        host["disk_available_least"] = rng.randint(-50, kind["local_gb"])
    return host
