"""Tiers: as many of the largest as fit, then of smaller ones, as they were placed for real."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.whatif.answer import no_progress
from engine.whatif.decisions import Cause, Reason
from engine.whatif.measure.slots import free_slots, host_slots
from engine.whatif.questions.sizes import Sizes, least_of, sizes_of
from engine.whatif.questions.tiers import Tiered, place_tiers
from engine.whatif.world import World
from tests.whatif.questions.worlds import Shape, request_of, world_of

hosts = st.lists(
    st.fixed_dictionaries(
        {"vcpus": st.integers(1, 24), "memory_mb": st.integers(512, 40_000), "disk_gb": st.integers(0, 200)}
    ),
    max_size=6,
)
shapes = st.tuples(st.integers(1, 16), st.integers(64, 20_000), st.integers(0, 64))


def _placed(world: World, shape: Shape, least: Sizes | None = None) -> Tiered:
    return place_tiers(world, request_of(shape), least or least_of(Sizes(*shape)), time_s=0.0, progress=no_progress)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hosts, shapes)
def test_nothing_more_of_any_tier_nor_of_the_least_fits_afterwards(
    facts: list[dict[str, object]], shape: Shape
) -> None:
    world = world_of(facts)
    least = least_of(Sizes(*shape))
    tiered = _placed(world, shape)
    for sizes in [*(tier.sizes for tier in tiered.tiers), least]:
        assert free_slots(tiered.world, tiered.world.code(request_of(tuple(sizes)))) == 0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hosts, shapes)
def test_what_is_placed_is_what_the_hosts_hold(facts: list[dict[str, object]], shape: Shape) -> None:
    tiered = _placed(world_of(facts), shape)
    table = tiered.world.table
    for place, name in enumerate(("vcpu_used", "memory_mb_used", "disk_gb_used")):
        assert table.columns[name].sum() == sum(tier.placed * tier.sizes[place] for tier in tiered.tiers)
    sizes = [tuple(tier.sizes) for tier in tiered.tiers]
    assert all(all(one >= other for one, other in zip(before, after, strict=True)) for before, after in pairwise(sizes))
    assert all(tier.placed > 0 for tier in tiered.tiers)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hosts, shapes)
def test_the_first_tier_is_as_many_as_fit_alone(facts: list[dict[str, object]], shape: Shape) -> None:
    world = world_of(facts)
    fit = int(host_slots(world, world.code(request_of(shape))).sum())
    tiers = _placed(world, shape).tiers
    first = tiers[0].placed if tiers and tiers[0].sizes == Sizes(*shape) else 0
    assert first == fit


def test_the_world_stays_as_it_was() -> None:
    world = world_of([{}], [(0, (1, 512, 0))])
    before = world.table.columns["vcpu_used"].copy()
    _placed(world, (2, 1024, 0))
    assert (world.table.columns["vcpu_used"] == before).all()
    assert len(world.rows) == 1


def test_what_ran_out_is_made_smaller() -> None:
    # 20 GiB of memory take two of 8, and then one of 4
    tiered = _placed(world_of([{"vcpus": 16, "memory_mb": 20_480}]), (2, 8192, 10))
    assert [(tier.sizes, tier.placed, tier.ran_out) for tier in tiered.tiers] == [
        (Sizes(2, 8192, 10), 2, "memory_mb"),
        (Sizes(2, 4096, 10), 1, ""),
    ]


def test_each_tier_ends_with_one_that_says_why_it_did_not_fit() -> None:
    tiered = _placed(world_of([{"vcpus": 16, "memory_mb": 20_480}]), (2, 8192, 10))
    assert tiered.decisions.refused.tolist() == [False, False, True, False, True]
    assert tiered.decisions.reasons.tolist() == [0, 0, Reason.MEMORY_MB, 0, Reason.MEMORY_MB]
    assert set(tiered.decisions.causes.tolist()) == {Cause.CREATE}
    names = tiered.world.names_of(tiered.decisions.instances).to_pylist()
    assert len(set(names)) == len(names)


def test_no_smaller_than_the_least_is_tried() -> None:
    tiered = _placed(world_of([{"vcpus": 16, "memory_mb": 20_480}]), (2, 8192, 10), Sizes(2, 8192, 10))
    assert [tier.placed for tier in tiered.tiers] == [2]


def test_a_least_that_is_larger_changes_nothing() -> None:
    tiered = _placed(world_of([{"vcpus": 16, "memory_mb": 20_480}]), (2, 8192, 10), Sizes(4, 99_999, 99))
    assert [tier.placed for tier in tiered.tiers] == [2]


@pytest.mark.parametrize("facts", [[], [{"disabled": True}]])
def test_no_room_makes_no_tiers(facts: list[dict[str, object]]) -> None:
    tiered = _placed(world_of(facts), (1, 512, 0))
    assert tiered.tiers == () and len(tiered.decisions) == 0


def test_sizes_that_a_guests_cells_cannot_have_are_passed_over() -> None:
    world = world_of([{"vcpus": 2, "memory_mb": 2048}])
    specs = {"hw:numa_nodes": "1", "hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "^0"}
    flavor = Flavor("numa", 4, 4096, extra_specs=specs)
    assert sizes_of(flavor) == Sizes(4, 4096, 0)
    tiered = place_tiers(world, RequestSpec(flavor=flavor), Sizes(1, 1024, 0), time_s=0.0, progress=no_progress)
    # one vCPU leaves none to be dedicated, and the host has no cells for any of the others
    assert tiered.tiers == ()


def test_instances_are_numbered_after_those_there_are() -> None:
    world = world_of([{"vcpus": 2}])
    code = world.code(request_of((1, 512, 0)))
    world.add(np.full(3, code, np.int32), pa.array(["a", "b", "c"]))
    tiered = _placed(world, (1, 512, 0))
    assert tiered.world.names_of(tiered.decisions.instances).to_pylist() == ["fit-1", "fit-2", "fit-3"]
