"""Sizes of instances made smaller step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.fitting.numa_request import guest_numa
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.request_spec import RequestSpec
from engine.whatif.questions.sizes import Sizes, least_of, resized, sizes_of, smaller

sizes = st.builds(Sizes, st.integers(1, 512), st.integers(1, 4_000_000), st.integers(0, 100_000))


@given(sizes, st.integers(0, 2))
def test_steps_lead_down_to_the_least_and_no_further(start: Sizes, resource: int) -> None:
    least = least_of(start)
    now, steps = start, 0
    while now[resource] > least[resource]:
        following = smaller(now, resource, start, least)
        assert following[resource] < now[resource]
        assert [now[other] for other in range(3) if other != resource] == [
            following[other] for other in range(3) if other != resource
        ]
        now, steps = following, steps + 1
        assert steps <= 32
    assert now[resource] == least[resource]
    assert smaller(now, resource, start, least) == now


@given(sizes)
def test_the_least_is_an_eighth_and_never_nothing_of_something(start: Sizes) -> None:
    for size, least in zip(start, least_of(start), strict=True):
        assert least == (0 if size == 0 else max(1, size // 8))


def test_memory_keeps_to_whole_units() -> None:
    start = Sizes(1, 64 * 100, 0)
    assert smaller(start, 1, start, Sizes(1, 0, 0)).memory_mb == 64 * 94


@pytest.mark.parametrize(
    ("disk_gb", "root_gb", "ephemeral_gb"), [(30, 20, 10), (25, 15, 10), (10, 0, 10), (4, 0, 4), (0, 0, 0)]
)
def test_disk_comes_off_the_root_disk_first(disk_gb: int, root_gb: int, ephemeral_gb: int) -> None:
    request = RequestSpec(flavor=Flavor("big", 4, 4096, 20, 10, swap_mb=512))
    made = resized(request, Sizes(2, 2048, disk_gb)).flavor
    assert (made.vcpus, made.memory_mb, made.root_gb, made.ephemeral_gb) == (2, 2048, root_gb, ephemeral_gb)
    assert made.swap_mb == 512
    assert made.name == f"big (2 vCPU, 2048 MiB, {disk_gb} GiB)"


def test_a_request_of_the_same_sizes_is_the_same() -> None:
    request = RequestSpec(flavor=Flavor("big", 4, 4096, 20, 10))
    assert resized(request, sizes_of(request.flavor)) is request


def test_numa_cells_are_worked_out_anew() -> None:
    flavor = Flavor("numa", 8, 8192, extra_specs={"hw:numa_nodes": "2"})
    request = RequestSpec(flavor=flavor)
    request = replace(request, numa=guest_numa(flavor, Image()))
    made = resized(request, Sizes(4, 4096, 0))
    assert made.numa is not None
    assert [(len(cell.cpus), cell.memory_mb) for cell in made.numa.cells] == [(2, 2048), (2, 2048)]
    with pytest.raises(InvalidRequestError):
        resized(request, Sizes(3, 4096, 0))
