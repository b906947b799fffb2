"""Requests with groups, named hosts, NUMA cells and PCI devices by overlays, against weighing every host."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.classes import make_selector, make_table
from bench.report import Figure
from bench.workloads import OVERLAYS, SEED, OverlayWork, chosen, times
from engine.fitting.numa_request import guest_numa
from engine.inventory.device_texts import numa_text, pools_text
from engine.inventory.fleet_file import normalise_fleet
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.numa import HostCell, HostNuma, HostPages
from engine.model.pci import PciPool, PciRequest
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import DEFAULT_FILTERS, SchedulerOptions
from engine.scheduler.sparse import GroupState

_MEMBERS = 20
_OPTIONS = SchedulerOptions(enabled_filters=(*DEFAULT_FILTERS, "NUMATopologyFilter", "PciPassthroughFilter"))
_IMAGE = Image("image")


@pytest.mark.parametrize("work", chosen(OVERLAYS), ids=lambda work: work.name)
def test_overlays(
    work: OverlayWork, benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]
) -> None:
    has_devices = work.kind in ("two NUMA cells", "a PCI device")
    table = make_table(equipped_fleet(work.hosts) if has_devices else fleet_of(work.hosts))
    selector = make_selector(table, _OPTIONS)
    rows = random.Random(SEED).sample(range(work.hosts), _MEMBERS)
    request = request_of(work.kind, [table.identity.host_ids[row] for row in rows])
    is_grouped = bool(request.instance_group)

    def group() -> GroupState | None:
        return GroupState(work.kind, 1, dict.fromkeys(rows, 1), set(rows)) if is_grouped else None

    took: list[Any] = []
    plain: list[float] = []
    expected: list[Any] = []

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        # each answer makes room for the next, so that one host's state is another every time
        began = time.perf_counter()
        expected.append(selector.select(request, group=group(), claim=False, steps=[]))
        plain.append(time.perf_counter() - began)
        return (), {}

    def decide() -> None:
        took.append(selector.select(request, group=group()))

    benchmark.pedantic(decide, setup=setup, rounds=times(work.rounds), warmup_rounds=1)
    assert [item[0].row for item in took] == [item[0].row for item in expected]
    seconds = float(np.min(benchmark.stats.stats.data))
    show(
        Figure(
            "overlays",
            work.name,
            seconds * 1e6,
            "us",
            float(np.min(plain)) * 1e6,
            note="the least of the rounds, claim included; the floor is every host weighed, without the claim",
        )
    )


def request_of(kind: str, names: list[str]) -> RequestSpec:
    """Return a request of a kind, ``names`` those of the hosts it may have to do with."""
    request = RequestSpec(flavor=Flavor("general", 2, 4096, 20))
    if kind == "ignored hosts":
        return replace(request, ignore_hosts=tuple(names))
    if kind == "two NUMA cells":
        specs = {"hw:cpu_policy": "dedicated", "hw:numa_nodes": "2"}
        flavor = Flavor("pinned", 4, 1024, 0, extra_specs=specs)
        return RequestSpec(flavor=flavor, image=_IMAGE, numa=guest_numa(flavor, _IMAGE))
    if kind == "a PCI device":
        specs_of_device = ((("product_id", "20b5"), ("vendor_id", "10de")),)
        return replace(request, pci_requests=(PciRequest(1, specs_of_device, alias_name="gpu"),))
    return replace(request, instance_group="group")


def equipped_fleet(many: int) -> pa.Table:
    """Return hosts of two NUMA cells and some PCI devices, no two in the same state; every fifth has no CPU to pin."""
    random_free = random.Random(SEED)
    numas, pools, free_ram = [], [], []
    for number in range(many):
        full = number % 5 == 0
        cells = [_cell(0, 8 if full else number % 4, number), _cell(1, 8 if full else 0, 0)]
        numas.append(numa_text(HostNuma(tuple(cells))))
        pools.append(
            pools_text(
                [PciPool("10de", "20b5", 0, 1 + number % 3, (("address", str(number)), ("dev_type", "type-PCI")))]
            )
        )
        free_ram.append(random_free.randrange(60_000, 120_000))
    columns = {
        "host_id": [f"h{number}" for number in range(many)],
        "vcpus": [16] * many,
        "memory_mb": [131_072] * many,
        "disk_gb": [1_000] * many,
        "free_ram_mb": free_ram,
        "numa_topology": numas,
        "pci_device_pools": pools,
    }
    return normalise_fleet(pa.table(columns), source="equipped fleet")


def _cell(number: int, pinned: int, usage_mb: int) -> HostCell:
    ids = range(100 * number, 100 * number + 8)
    memory_mb = 65_536 + 1_048_576
    return HostCell(
        cell_id=number,
        cpus=frozenset(ids),
        pinnable_cpus=frozenset(ids),
        memory_mb=memory_mb,
        cpu_usage=0,
        memory_usage_mb=usage_mb,
        pinned_cpus=frozenset(list(ids)[:pinned]),
        siblings=tuple(frozenset([each]) for each in ids),
        pages=(HostPages(4, memory_mb * 256, usage_mb * 256),),
    )
