"""What tortured worlds are made of: chains by name, and random hosts, request classes and aggregates full of ties."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

from engine.model.aggregate import Aggregate
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import ALL_FILTERS
from tests.builders import NOW_US, SECOND_US

TRAITS = ("CUSTOM_GOLD", "CUSTOM_SILVER")
ZONES = ("", "", "az1", "az2")
AGGREGATES = 5
_PACK = {"cpu_weight_multiplier": -1.0, "ram_weight_multiplier": -1.0, "disk_weight_multiplier": -1.0}
OPTIONS: Mapping[str, SchedulerOptions] = MappingProxyType(
    {
        "default": SchedulerOptions(),
        "pack": SchedulerOptions(**_PACK),  # type: ignore[arg-type]
        "all": SchedulerOptions(enabled_filters=(ALL_FILTERS,), max_io_ops_per_host=4, max_instances_per_host=20),
        "io": SchedulerOptions(
            enabled_filters=("ComputeFilter", "IoOpsFilter", "NumInstancesFilter"),
            max_io_ops_per_host=3,
            max_instances_per_host=12,
            io_ops_weight_multiplier=-7.5,
            num_instances_weight_multiplier=-0.3,
        ),
        "many": SchedulerOptions(
            cpu_weight_multiplier=-0.25,
            ram_weight_multiplier=-1.0,
            disk_weight_multiplier=0.0,
            io_ops_weight_multiplier=0.1,
            num_instances_weight_multiplier=0.7,
            build_failure_weight_multiplier=3.0,
            hypervisor_version_weight_multiplier=-1.5,
            pci_weight_multiplier=2.0,
        ),
        "aggregates": SchedulerOptions(
            enabled_filters=(
                "ComputeFilter",
                "AggregateCoreFilter",
                "AggregateRamFilter",
                "AggregateDiskFilter",
                "AggregateIoOpsFilter",
                "AggregateNumInstancesFilter",
                "AggregateInstanceExtraSpecsFilter",
            ),
            placement_filters=("TraitsFilter", "ZoneFilter"),
        ),
        "quirks": SchedulerOptions(
            enabled_filters=(ALL_FILTERS,), ram_weight_multiplier=-2.0, nova_quirks=True, max_instances_per_host=30
        ),
    }
)
"""The chains by name."""
OVERRIDES = ("ram_weight_multiplier", "cpu_weight_multiplier", "io_ops_weight_multiplier")
LIMITS = (
    "cpu_allocation_ratio",
    "ram_allocation_ratio",
    "disk_allocation_ratio",
    "max_io_ops_per_host",
    "max_instances_per_host",
)


@cache
def chain_of(name: str) -> Chain:
    """Return a chain by name; its kernels are compiled once a process at most."""
    return Chain.from_options(OPTIONS[name])


def random_host(chance: random.Random, host_id: str) -> dict[str, Any]:
    """Return the facts of one host; few distinct numbers, so that many hosts weigh the same and many are full."""
    vcpus = chance.choice((1, 2, 4, 16, 16, 64))
    memory_mb = chance.choice((2_048, 32_768, 32_768, 262_144))
    disk_gb = chance.choice((0, 100, 2_000, 2_000))
    crowded = chance.random() < 0.1
    return {
        "host_id": host_id,
        "vcpus": vcpus,
        "memory_mb": memory_mb,
        "disk_gb": disk_gb,
        "cpu_allocation_ratio": chance.choice((1.0, 1.5, 4.0, 16.0)),
        "ram_allocation_ratio": chance.choice((1.0, 1.2)),
        "disk_allocation_ratio": chance.choice((1.0, 1.1)),
        "vcpus_reserved": chance.choice((0, 0, 1)) if vcpus > 1 else 0,
        "memory_mb_reserved": chance.choice((0, 512)),
        "vcpus_used": chance.randint(0, vcpus * (20 if crowded else 1)) if chance.random() < 0.3 else 0,
        "memory_mb_used": chance.choice((0, 0, 512, memory_mb // 2, memory_mb * 2 if crowded else 0)),
        "local_gb_used": min(disk_gb, chance.choice((0, 0, 10, 90))),
        "num_instances": chance.choice((0, 0, 1, 2, 9, 19, 50)),
        "num_io_ops": chance.choice((0, 0, 0, 1, 2, 6, 9)),
        "failed_builds": chance.choice((0, 0, 0, 0, 1, 3)),
        "pci_devices": chance.choice((0, 0, 0, 1, 7)),
        "hypervisor_version": chance.choice((0, 6_002_000, 8_002_002)),
        "availability_zone": chance.choice(ZONES),
        "cell": chance.choice(("", "", "", "cell2")),
        "traits": sorted(trait for trait in TRAITS if chance.random() < 0.5),
        "disabled": chance.random() < 0.04,
        "forced_down": chance.random() < 0.03,
        "last_seen_up_us": None if chance.random() < 0.5 else NOW_US + chance.randint(-70, 5) * SECOND_US,
    }


def random_class(chance: random.Random) -> RequestSpec:
    """Return a request for one instance whose class a view may answer."""
    vcpus = chance.choice((1, 1, 2, 3, 4, 8, 16))
    flavor = Flavor(
        f"f{chance.randrange(10**9)}",
        vcpus,
        chance.choice((0, 64, 512, 512, 1_024, 2_048, 9_000, chance.randint(1, 40_000))),
        chance.choice((0, 0, 0, 1, 20, 300)),
        chance.choice((0, 0, 0, 13)),
        chance.choice((0, 0, 100, 2_048)),
        {"aggregate_instance_extra_specs:gold": "true"} if chance.random() < 0.08 else {},
    )
    wish = chance.random()
    return RequestSpec(
        flavor=flavor,
        # nova's NUMA filter fails on a request without an image, which is another subject
        image=Image("i", properties={"hw_architecture": "x86_64"} if chance.random() < 0.1 else {}),
        project_id=chance.choice(("", "p1", "p2")),
        availability_zone=chance.choice(("", "", "", "az1", "az2")),
        required_traits=frozenset(TRAITS[:1]) if wish < 0.15 else frozenset(),
        forbidden_traits=frozenset(TRAITS[1:]) if 0.1 < wish < 0.25 else frozenset(),
        is_bfv=chance.random() < 0.2,
        alternates=0,
    )


def random_aggregate(chance: random.Random, host_ids: list[str], *, overrides: bool) -> Aggregate:
    """Return one of a few aggregates with random hosts and metadata, multipliers among it if ``overrides``."""
    number = chance.randrange(AGGREGATES)
    share = chance.choice((0.0, 0.1, 0.4, 1.0))
    metadata = {
        name: chance.choice(("0", "1", "1.5", "4", "16", "many", "-1")) for name in LIMITS if chance.random() < 0.4
    }
    if overrides:
        metadata |= {
            name: chance.choice(("0", "2.5", "-1", "1e3", "often")) for name in OVERRIDES if chance.random() < 0.5
        }
    if chance.random() < 0.3:
        metadata["gold"] = chance.choice(("true", "false"))
    if chance.random() < 0.1:
        metadata["filter_tenant_id"] = "p1"
    return Aggregate(
        str(UUID(int=1_000 + number, version=4)),
        f"a{number}",
        frozenset(host_id for host_id in host_ids if chance.random() < share),
        metadata,
    )
