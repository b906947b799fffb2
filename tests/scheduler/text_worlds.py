"""Random fleets whose hosts differ in texts, what happens to them, and requests that each text filter concerns."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.model.image import Image
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from tests.builders import fleet, host_table, request

ZONES = ("", "az1", "az2", "az3")
TRAITS = ("CUSTOM_GOLD", "HW_CPU_X86_AVX2")
METADATA: dict[str, tuple[str, ...]] = {
    "availability_zone": ("az1", "az4", "az1,az2"),
    "ssd": ("true", "false", "4"),
    "hw_disk_bus": ("virtio", "scsi"),
    "filter_tenant_id": ("p1", "p2,p3"),
    "instance_type": ("small", "other"),
    "ram_weight_multiplier": ("2.5", "-1", "often"),
    "max_io_ops_per_host": ("1", "5", "many"),
    "cpu_allocation_ratio": ("1.0", "0.5", "x"),
}
ISOLATED_IMAGE = "00000000-0000-4000-8000-000000000001"
FILTERS = (
    "AllHostsFilter",
    "AggregateImagePropertiesIsolation",
    "AggregateInstanceExtraSpecsFilter",
    "AggregateIoOpsFilter",
    "AggregateCoreFilter",
    "AggregateMultiTenancyIsolation",
    "AggregateTypeAffinityFilter",
    "AvailabilityZoneFilter",
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "IsolatedHostsFilter",
    "JsonFilter",
    "MetricsFilter",
    "NumInstancesFilter",
    "DifferentHostFilter",
    "SameHostFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
)


def options(*, nova_quirks: bool) -> SchedulerOptions:
    """Every text filter there is, placement's included, and some of each other kind."""
    return SchedulerOptions(
        enabled_filters=FILTERS,
        isolated_hosts=("h1", "h3", "h300", "nobody"),
        isolated_images=(ISOLATED_IMAGE,),
        nova_quirks=nova_quirks,
    )


def host(rng: random.Random, number: int) -> dict[str, Any]:
    """One host of few kinds, full or down now and then."""
    return {
        "host_id": f"h{number}",
        "availability_zone": rng.choice(ZONES),
        "aggregates": sorted({f"rack{rng.randrange(3)}" for _ in range(rng.randrange(3))}),
        "traits": sorted({rng.choice(TRAITS) for _ in range(rng.randrange(3))}),
        "hypervisor_version": rng.choice((6002000, 8002002)),
        "supported_instances": [rng.choice(("x86_64/kvm/hvm", "aarch64/qemu/hvm"))],
        "stats": rng.choice(("{}", '{"gpu": "4"}', '{"gpu": "a100"}')),
        "disabled": rng.random() < 0.1,
        "forced_down": rng.random() < 0.1,
        "vcpus": rng.choice((2, 16)),
        "vcpus_used": rng.choice((0, 0, 1, 2)),
        "memory_mb_used": rng.choice((0, 0, 40_000)),
        "num_instances": rng.choice((0, 2, 50)),
        "num_io_ops": rng.choice((0, 3)),
        "failed_builds": rng.choice((0, 0, 1)),
    }


def table(rng: random.Random, hosts: int) -> HostTable:
    """A fleet of so many hosts, with aggregates beside their racks perhaps."""
    made = host_table([host(rng, number) for number in range(hosts)])
    for _ in range(rng.randrange(4)):
        set_aggregate(rng, made)
    return made


def set_aggregate(rng: random.Random, changed: HostTable) -> None:
    number = rng.randrange(3)
    names = frozenset(name for name in sorted(changed.identity.row_of) if rng.random() < 0.3)
    metadata = {key: rng.choice(values) for key, values in METADATA.items() if rng.random() < 0.3}
    changed.set_aggregate(Aggregate(f"a{number}", f"aggregate {number}", names, metadata))


def change(rng: random.Random, changed: HostTable) -> None:
    """Let something happen to the hosts, nearly always to few of them."""
    kind = rng.random()
    held = changed.columns["num_instances"] - changed.columns["base_num_instances"]
    names = sorted(name for name, row in changed.identity.row_of.items() if not held[row])
    if kind < 0.6:
        some = rng.sample(range(len(changed.identity.host_ids)), k=min(3, len(changed.identity.host_ids)))
        changed.upsert(fleet([host(rng, number) for number in some]))
    elif kind < 0.7:
        first = len(changed.identity.host_ids)
        changed.upsert(fleet([host(rng, first + number) for number in range(rng.choice((1, 5, 300)))]))
    elif kind < 0.8 and names:
        changed.delete([rng.choice(names)])
    elif kind < 0.95:
        set_aggregate(rng, changed)
    elif changed.aggregates:
        changed.delete_aggregate(rng.choice(sorted(changed.aggregates)))


def wish(rng: random.Random) -> RequestSpec:
    """One request, of texts most often."""
    extra_specs = {
        "capabilities:gpu": rng.choice((">= 2", "a100")),
        "aggregate_instance_extra_specs:ssd": rng.choice(("true", ">= 3")),
        "trait:CUSTOM_GOLD": rng.choice(("required", "forbidden")),
        "capabilities:hypervisor_version": "8002002",
    }
    properties = {
        "hw_architecture": rng.choice(("x86_64", "aarch64", "pdp11")),
        "hw_disk_bus": rng.choice(("virtio", "scsi")),
        "img_hv_type": "kvm",
    }
    hints: dict[str, Any] = {
        "query": [rng.choice(('["=","$hypervisor_version",8002002]', '[">","$free_ram_mb",30000]', '["<","$x",1]'))],
    }
    spec = request(
        vcpus=rng.choice((1, 2, 4)),
        memory_mb=rng.choice((512, 30_000)),
        extra_specs={key: value for key, value in extra_specs.items() if rng.random() < 0.15},
        properties={key: value for key, value in properties.items() if rng.random() < 0.2},
        scheduler_hints={key: value for key, value in hints.items() if rng.random() < 0.15},
        availability_zone=rng.choice(("", "", "az1", "az2", "az4", "nowhere")),
        project_id=rng.choice(("", "p1", "p3")),
        member_of=(frozenset({"a0", "a1"}),) if rng.random() < 0.15 else (),
        ignore_hosts=("H2",) if rng.random() < 0.1 else (),
        force_hosts=("h1", "h2", "h5") if rng.random() < 0.1 else (),
    )
    if rng.random() < 0.2:
        return replace(spec, image=Image(id=ISOLATED_IMAGE, properties=spec.image.properties))
    return spec
