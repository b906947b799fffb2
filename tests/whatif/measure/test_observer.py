"""Observer: totals, stranded amounts, slots, fragments and heat of a world, against what a look at each host says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inventory.schema import CLASS_PREFIX
from engine.scheduler.options import SchedulerOptions
from engine.whatif.measure.observer import MOST_SHOWN, Observer
from engine.whatif.measure.slots import free_slots, host_slots
from engine.whatif.world import World
from tests.builders import fleet, host_table, request
from tests.devices import cell, child, numa, pinned, tree
from tests.whatif.measure.fleets import CHAINS, small_requests, small_world


def codes_of(*codes: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(codes, dtype=np.int32)


def placed(world: World, codes: Sequence[int]) -> None:
    first = world.add(codes_of(*codes), pa.array(range(len(codes))))
    world.place(np.arange(first, first + len(codes)))


@given(seed=st.integers(0, 2**32 - 1), chain=st.sampled_from(CHAINS))
@settings(max_examples=30, deadline=None)
def test_what_is_seen_is_what_every_host_says(seed: int, chain: SchedulerOptions) -> None:
    rng = np.random.default_rng(seed)
    world = small_world(rng, chain)
    codes = [world.code(spec) for spec in small_requests(rng)]
    watching = Observer(world, codes_of(*codes), np.array([0.0, 1.0]))
    for time_s in (0.0, 1.0):
        placed(world, rng.choice(codes, 8).tolist())
        watching.observe(time_s)
    seen = watching.result()
    columns, rows = world.table.columns, world.table.present_rows()
    stuck = [row for row in rows.tolist() if not any(host_slots(world, code)[row] for code in codes)]
    for place, prefix in enumerate(CLASS_PREFIX.values()):
        used, free = columns[f"{prefix}_used"].astype(int), columns[f"{prefix}_free"].astype(int)
        assert seen.used[-1, place] == used[rows].sum()
        assert seen.capacity[-1, place] == (used + free)[rows].sum()
        assert seen.free[-1, place] == free[rows].clip(0).sum()
        assert seen.stranded[-1, place] == free[stuck].clip(0).sum()
    assert seen.instances[-1] == (world.rows >= 0).sum()
    assert seen.slots[-1].tolist() == [free_slots(world, code) for code in seen.codes]


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_free_totals_promise_at_least_what_fits_so_fragments_are_a_share(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world = small_world(rng, SchedulerOptions())
    codes = [world.code(spec) for spec in small_requests(rng)]
    watching = Observer(world, codes_of(*codes), np.zeros(1))
    placed(world, rng.choice(codes, 8).tolist())
    watching.observe(0.0)
    seen = watching.result()
    lost = seen.lost_to_fragments[-1]
    for place, code in enumerate(seen.codes):
        sizes = np.array(world.amounts(code)[:3])
        asked = sizes > 0
        promised = float((seen.free[-1][asked] / sizes[asked]).min())
        share = 1 - seen.slots[-1, place] / promised if promised else 0.0
        assert lost[place] == pytest.approx(share)
        assert 0 <= lost[place] <= 1


def test_two_halves_too_small_are_lost_to_fragments_and_stranded() -> None:
    world = World(host_table([{"vcpus": 4, "cpu_allocation_ratio": 1.0}] * 2), SchedulerOptions())
    taken, wanted = world.code(request(vcpus=2)), world.code(request(vcpus=4))
    placed(world, [taken, taken])
    watching = Observer(world, codes_of(wanted), np.zeros(1))
    watching.observe(0.0)
    seen = watching.result()
    assert (seen.free[0, 0], seen.slots[0, 0], seen.lost_to_fragments[0, 0]) == (4, 0, 1.0)
    assert (seen.stranded[0, 0], seen.stranded_shares[0, 0], seen.shares[0, 0]) == (4, 0.5, 0.5)


def test_a_host_that_takes_nothing_new_counts_with_what_is_used_of_it() -> None:
    world = World(host_table([{"vcpus": 4, "cpu_allocation_ratio": 1.0}] * 2), SchedulerOptions())
    code = world.code(request(vcpus=1))
    placed(world, [code, code])
    watching = Observer(world, codes_of(code), np.zeros(2))
    watching.observe(0.0)
    world.block(np.array([0]))
    watching.observe(1.0)
    seen = watching.result()
    assert seen.capacity[:, 0].tolist() == [8, 5]
    assert (seen.used[:, 0].tolist(), seen.free[:, 0].tolist()) == ([2, 2], [6, 3])
    assert (seen.hosts.tolist(), seen.slots[:, 0].tolist()) == ([2, 1], [6.0, 3.0])


def test_another_chain_another_flavor_and_more_hosts_are_seen() -> None:
    world = World(host_table([{"vcpus": 4, "cpu_allocation_ratio": 1.0}]), SchedulerOptions())
    spec = request(vcpus=1)
    code = world.code(spec)
    watching = Observer(world, codes_of(code), np.zeros(4))
    watching.observe(0.0)
    world.set_chain(replace(CHAINS[1], max_instances_per_host=3))
    watching.observe(1.0)
    world.replaced[code] = world.code(replace(spec, flavor=replace(spec.flavor, vcpus=2)))
    watching.observe(2.0)
    world.table.upsert(fleet([{"host_id": "late", "vcpus": 8, "cpu_allocation_ratio": 1.0}]))
    world.table.refresh_services(1_790_000_000_000_000, 60_000_000)
    watching.observe(3.0)
    assert watching.result().slots[:, 0].tolist() == [4, 3, 2, 5]


def test_the_requests_asked_for_most_are_shown() -> None:
    world = World(host_table([{}]), SchedulerOptions())
    codes = [world.code(request(vcpus=number)) for number in range(1, 16)]
    asked = np.repeat(codes, np.arange(1, 16)).astype(np.int32)
    watching = Observer(world, asked, np.zeros(1))
    assert watching.codes == tuple(reversed(codes))[:MOST_SHOWN]


def test_slots_of_cells_are_counted_at_the_ends_at_least() -> None:
    world = World(
        host_table([numa(cell(0), cell(1))] * 3),
        SchedulerOptions(enabled_filters=("ComputeFilter", "NUMATopologyFilter")),
    )
    code = world.code(pinned(2))
    times = np.arange(30.0)
    watching = Observer(world, codes_of(code), times)
    for time_s in times.tolist():
        watching.observe(time_s)
    slots = watching.result().slots[:, 0]
    assert (slots[0], slots[-1]) == (12, 12)


def test_the_heat_of_many_hosts_is_few_lines_by_zone() -> None:
    hosts = [{"availability_zone": "ab"[index % 2], "vcpus": 4, "cpu_allocation_ratio": 1.0} for index in range(500)]
    world = World(host_table(hosts), SchedulerOptions())
    code = world.code(request(vcpus=4, memory_mb=1))
    watching = Observer(world, codes_of(code), np.arange(500.0))
    placed(world, [code] * 250)
    for time_s in range(500):
        watching.observe(float(time_s))
    heat = watching.result().heat
    assert 50 < len(heat.labels) <= 60
    assert len(heat.times_s) <= 121
    assert heat.times_s[-1] == 499.0
    assert {label[0] for label in heat.labels} == {"a", "b"}
    assert heat.values.shape == (len(heat.labels), len(heat.times_s))
    # bins are of one size but for each zone's last
    assert heat.values[:, 0].mean() == pytest.approx(0.5, abs=0.1)


def test_hosts_that_come_later_have_lines_of_their_own() -> None:
    world = World(host_table([{}, {}]), SchedulerOptions())
    watching = Observer(world, codes_of(world.code(request())), np.zeros(2))
    watching.observe(0.0)
    world.table.upsert(fleet([{"host_id": "late"}]))
    watching.observe(1.0)
    heat = watching.result().heat
    assert heat.labels == ("h0", "h1", "added")
    assert np.isnan(heat.values[2, 0])
    assert heat.values[2, 1] == 0.0


def test_an_empty_fleet_and_no_requests_can_be_watched() -> None:
    world = World(host_table([]), SchedulerOptions())
    watching = Observer(world, codes_of(), np.zeros(1))
    watching.observe(0.0)
    seen = watching.result()
    assert (seen.capacity.sum(), seen.slots.shape, seen.heat.values.size) == (0, (1, 0), 0)
    assert seen.shares.tolist() == [[0.0, 0.0, 0.0]]


def test_what_was_seen_can_be_cut_off_at_a_time() -> None:
    world = World(host_table([{}]), SchedulerOptions())
    watching = Observer(world, codes_of(world.code(request())), np.arange(10.0))
    for time_s in range(10):
        watching.observe(float(time_s))
    seen = watching.result()
    assert len(seen.until(4.0)) == 5
    assert len(seen.until(4.0).heat.times_s) == 5
    assert len(seen.until(-1.0)) == 1


def test_shares_of_devices_are_seen_beside_the_columns() -> None:
    def gpus(host: str) -> dict[str, str]:
        return tree(child(f"{host}0", {"CUSTOM_GPU": 1000}), child(f"{host}1", {"CUSTOM_GPU": 1000}))

    world = World(host_table([gpus("a"), gpus("b"), {}]), SchedulerOptions())
    code = world.code(request(vcpus=1, extra_specs={"resources:CUSTOM_GPU": "500"}))
    watching = Observer(world, codes_of(code), np.zeros(3))
    watching.observe(0.0)
    placed(world, [code, code, code])
    watching.observe(1.0)
    world.block(np.array([0]))
    watching.observe(2.0)
    seen = watching.result()
    on_first = 500 * int((world.rows == 0).sum())
    assert seen.more["CUSTOM_GPU"].tolist() == [[4000, 0], [4000, 1500], [2000 + on_first, 1500]]
    assert seen.share_of("CUSTOM_GPU")[1] == 0.375
    assert seen.slots[:2, 0].tolist() == [8, 5]
