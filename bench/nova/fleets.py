"""The fleets and requests that nova and Berth are both timed on, as cases in the oracle schema without answers."""

from __future__ import annotations

import random
import uuid
from typing import Any

from bench.workloads import SEED
from engine.scheduler.options import DEFAULT_FILTERS

Content = dict[str, Any]

NOW = "2026-01-15T12:00:00"
_CORES = 16
_CELL_MB = 131072


def plain_case(hosts: int, filters: tuple[str, ...]) -> Content:
    """Return a request of 2 vCPUs and 4 GiB on flat hosts in four aggregates, no two hosts equally free."""
    chance = random.Random(SEED)
    made = [_host(chance, number) for number in range(hosts)]
    flavor = {"vcpus": 2, "memory_mb": 4096, "extra_specs": {"capabilities:hypervisor_type": "QEMU"}}
    return _case(made, filters, flavor)


def numa_case(hosts: int) -> Content:
    """Return a request of two nodes with two dedicated CPUs each on hosts of two cells, each in use differently."""
    chance = random.Random(SEED)
    made = [{**_host(chance, number), **_cells(chance)} for number in range(hosts)]
    specs = {"hw:numa_nodes": "2", "hw:cpu_policy": "dedicated"}
    return _case(made, (*DEFAULT_FILTERS, "NUMATopologyFilter"), {"vcpus": 4, "memory_mb": 8192, "extra_specs": specs})


def _case(hosts: list[Content], filters: tuple[str, ...], flavor: Content) -> Content:
    names = [host["host"] for host in hosts]
    return {
        "schema": "nova-oracle-case/1",
        "name": f"bench-{len(hosts)}",
        "tags": [],
        "now": NOW,
        "config": {"filter_scheduler": {"enabled_filters": list(filters)}},
        "aggregates": [
            {
                "id": number + 1,
                "uuid": str(uuid.UUID(int=number + 1, version=4)),
                "name": f"aggregate{number}",
                "hosts": names[number::4],
                "metadata": {"ssd": "true", "max_io_ops_per_host": str(6 + number)},
            }
            for number in range(4)
        ],
        "hosts": hosts,
        "request_spec": {
            "flavor": {"name": "general", "root_gb": 20, "ephemeral_gb": 0, "swap": 0, **flavor},
            "image": {
                "id": str(uuid.UUID(int=99, version=4)),
                "disk_format": "qcow2",
                "properties": {"hw_architecture": "x86_64"},
            },
            "project_id": "project",
            "user_id": "user",
            "num_instances": 1,
            "scheduler_hints": {},
        },
        "claim": "always",
        "return_alternates": False,
    }


def _host(chance: random.Random, number: int) -> Content:
    vcpus, memory_mb, local_gb = chance.choice(((32, 262144, 2000), (64, 524288, 4000), (128, 1048576, 8000)))
    return {
        "host": f"cmp{number:06d}",
        "uuid": str(uuid.UUID(int=1000 + number, version=4)),
        "vcpus": vcpus,
        "vcpus_used": chance.randint(0, 2 * vcpus),
        "memory_mb": memory_mb,
        "memory_mb_used": chance.randint(512, memory_mb),
        "local_gb": local_gb,
        "local_gb_used": chance.randint(0, local_gb),
        "cpu_allocation_ratio": 4.0,
        "ram_allocation_ratio": 1.0,
        "disk_allocation_ratio": 1.0,
        "hypervisor_type": "QEMU",
        "hypervisor_version": chance.choice((8002002, 9001000)),
        "host_ip": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        "supported_hv_specs": [["x86_64", "kvm", "hvm"], ["i686", "kvm", "hvm"]],
        "cpu_info": {"arch": "x86_64", "vendor": "Intel", "model": "Icelake-Server", "features": ["aes", "avx2"]},
        "stats": {"num_instances": chance.randint(0, 40), "io_workload": chance.choice((0, 0, 1, 2))},
        "instances": [],
        "service": {"disabled": True} if chance.random() < 0.01 else {},
    }


def _cells(chance: random.Random) -> Content:
    """Return two cells of 16 cores with two threads each, a random part of their CPUs pinned."""
    cells = []
    for number in range(2):
        first = number * _CORES
        siblings = [[core, core + 2 * _CORES] for core in range(first, first + _CORES)]
        cpus = sorted(cpu for pair in siblings for cpu in pair)
        pinned = sorted(chance.sample(cpus, chance.randint(8, len(cpus))))
        cells.append(
            {
                "id": number,
                "cpuset": [],
                "pcpuset": cpus,
                "memory": _CELL_MB,
                "cpu_usage": len(pinned),
                "memory_usage": chance.randint(0, _CELL_MB),
                "pinned_cpus": pinned,
                "siblings": siblings,
                "mempages": [{"size_kb": 4, "total": _CELL_MB * 256, "used": 0, "reserved": 0}],
                "socket": number,
            }
        )
    return {
        "vcpus": 4 * _CORES,
        "vcpus_used": sum(cell["cpu_usage"] for cell in cells),
        "memory_mb": 2 * _CELL_MB,
        "memory_mb_used": sum(cell["memory_usage"] for cell in cells),
        "numa_topology": {"cells": cells},
    }
