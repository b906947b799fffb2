"""Small worlds for measuring: hosts, requests and chains drawn from a generator."""

from __future__ import annotations

import numpy as np

from engine.model.aggregate import Aggregate
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.whatif.world import World
from tests.builders import host_table, request

CHAINS = (
    SchedulerOptions(),
    SchedulerOptions(
        enabled_filters=("ComputeFilter", "NumInstancesFilter", "AggregateNumInstancesFilter"),
        max_instances_per_host=4,
    ),
    SchedulerOptions(
        enabled_filters=("ComputeFilter", "AggregateCoreFilter", "RamFilter", "DiskFilter", "CoreFilter", "IoOpsFilter")
    ),
    SchedulerOptions(enabled_filters=("RamFilter", "AggregateRamFilter", "AggregateDiskFilter"), placement_filters=()),
)


def small_world(rng: np.random.Generator, options: SchedulerOptions) -> World:
    hosts = [
        {
            "vcpus": int(rng.integers(1, 9)),
            "memory_mb": int(rng.integers(1, 9)) * 1024,
            "disk_gb": int(rng.integers(0, 60)),
            "cpu_allocation_ratio": float(rng.choice([1.0, 1.1, 4.0])),
            "ram_allocation_ratio": float(rng.choice([1.0, 1.15])),
            "availability_zone": str(rng.choice(["a", "b"])),
            "disabled": bool(rng.random() < 0.1),
            "num_io_ops": int(rng.integers(0, 12)),
            "vcpus_used": int(rng.integers(0, 3)),
        }
        for _ in range(int(rng.integers(1, 12)))
    ]
    names = [f"h{index}" for index in range(len(hosts)) if rng.random() < 0.5]
    metadata = {"max_instances_per_host": "2", "cpu_allocation_ratio": "1.5", "ram_allocation_ratio": "0.9"}
    group = Aggregate("00000000-0000-0000-0000-00000000000a", "few", frozenset(names), metadata)
    return World(host_table(hosts, aggregates=[group]), options)


def small_requests(rng: np.random.Generator) -> list[RequestSpec]:
    zones = ["", "a", "b", "nowhere"]
    return [
        request(
            vcpus=int(rng.integers(0, 5)),
            ephemeral_gb=1,
            memory_mb=int(rng.integers(0, 5)) * 512,
            root_gb=int(rng.integers(0, 12)),
            swap_mb=int(rng.choice([0, 1500])),
            is_bfv=bool(rng.random() < 0.2),
            availability_zone=str(rng.choice(zones, p=[0.5, 0.2, 0.2, 0.1])),
        )
        for _ in range(int(rng.integers(1, 5)))
    ]
