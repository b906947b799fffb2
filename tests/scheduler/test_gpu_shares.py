"""What requests ask of GPUs is read of their extra specs, and what hosts have of their provider trees."""

from __future__ import annotations

import numpy as np
import pytest

from engine.scheduler.gpu_shares import GpuShares, LargestHost, ShareAsk
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.sparse import SelectionContext
from tests.builders import fleet, host_table, request
from tests.devices import child, tree

GPU = "CUSTOM_GPU_MILLI"
OPTIONS = SchedulerOptions()


@pytest.mark.parametrize(
    ("extra_specs", "asked"),
    [
        ({}, ShareAsk(3, (), False)),
        ({f"resources1:{GPU}": "460"}, ShareAsk(3, (460,), False)),
        ({f"resources:{GPU}": "100"}, ShareAsk(3, (100,), False)),
        (
            {f"resources1:{GPU}": "1000", f"resources2:{GPU}": "500", "group_policy": "isolate"},
            ShareAsk(3, (1000, 500), True),
        ),
        ({f"resources1:{GPU}": "9", f"resources2:{GPU}": "9", "group_policy": "none"}, ShareAsk(3, (9, 9), False)),
        ({"resources1:VGPU": "1", "resources:VCPU": "8"}, ShareAsk(8, (), False)),
    ],
)
def test_the_amounts_of_the_class_are_read_group_by_group(extra_specs: dict[str, str], asked: ShareAsk) -> None:
    shares, table = GpuShares(GPU), host_table([{}])
    spec = request(vcpus=3, extra_specs=extra_specs)
    assert shares.ask(spec, table, OPTIONS) == asked
    # kept for the same request
    assert shares.ask(spec, table, OPTIONS) is shares.ask(spec, table, OPTIONS)


def test_what_is_free_stands_in_the_order_of_the_tree() -> None:
    cards = [child("a", {GPU: 1000}, used=300), child("b", {"VGPU": 4}), child("c", {GPU: 500})]
    table = host_table([{}, tree(*cards), tree(child("d", {GPU: 800}, used=800))])
    assert GpuShares(GPU).free(table, np.array([1, 0, 2])).tolist() == [[700, 500], [0, 0], [0, 0]]
    assert GpuShares("VGPU").free(table, np.array([1])).tolist() == [[4]]


def test_the_largest_host_is_found_anew_when_the_fleet_changes() -> None:
    shares = GpuShares(GPU)
    assert shares.largest(host_table([])) == LargestHost(0.0, 0, 0)
    shares = GpuShares(GPU)
    table = host_table(
        [
            {
                "vcpus": 8,
                "vcpus_used": 3,
                "cpu_allocation_ratio": 2.0,
                **tree(child("a", {GPU: 700}), child("b", {GPU: 300})),
            }
        ]
    )
    assert shares.largest(table) == LargestHost(16.0, 1000, 700)
    table.upsert(fleet([{"host_id": "h1", "vcpus": 4, "cpu_allocation_ratio": 1.0, **tree(child("c", {GPU: 2000}))}]))
    assert shares.largest(table) == LargestHost(16.0, 2000, 2000)


def test_a_selection_keeps_one_for_each_class() -> None:
    context = SelectionContext(host_table([{}]))
    one = GpuShares.of(context, OPTIONS)
    assert GpuShares.of(context, OPTIONS) is one
    assert GpuShares.of(context, SchedulerOptions(gpu_resource_class="VGPU")).resource_class == "VGPU"
