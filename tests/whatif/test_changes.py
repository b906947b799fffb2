"""Changes of a world: what becomes of hosts and instances, and which decisions are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError, InvalidRequestError
from engine.whatif.changes import apply_change, changes_in_order
from engine.whatif.decisions import Cause, Decisions, Outcome, Reason
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.scenario.changes import Change
from engine.whatif.scenario.reading import parse_scenario
from engine.whatif.world import World
from tests.builders import fleet

CHAIN = "[chain]\ncpu_weight_multiplier = 0\ndisk_weight_multiplier = 0\nram_weight_multiplier = 0\n"
"""All hosts weigh the same: the first that passes is taken."""
FLAVORS = """
[[flavors]]
name = "one"
vcpus = 1
memory_mb = 1024
[[flavors]]
name = "half"
vcpus = 4
memory_mb = 8192
"""
HOST: dict[str, Any] = {"vcpus": 8, "memory_mb": 16_384, "disk_gb": 100, "cpu_allocation_ratio": 1.0}


def world_of(count: int = 4, flavors: str = FLAVORS, **hosts: list[Any]) -> World:
    """A world of alike hosts, of which ``hosts`` are further columns."""
    rows = [{**HOST, **{name: values[index] for name, values in hosts.items()}} for index in range(count)]
    text = f"[fleet]\nfile = 'x.csv'\n{CHAIN}{flavors}"
    return open_world(parse_scenario(text, "s.toml"), Inputs(hosts=fleet(rows)), seed=0)


def add(world: World, flavor: str, rows: list[int]) -> npt.NDArray[np.int64]:
    """Instances of a flavor that hold something on these rows."""
    codes = np.full(len(rows), world.code(world.flavors[flavor]), dtype=np.int32)
    first = world.add(codes, pa.array([f"{flavor}{len(world.rows) + index}" for index in range(len(rows))]))
    numbers = np.arange(first, first + len(rows))
    world.hold(numbers, np.array(rows))
    return numbers


def place(world: World, flavor: str, many: int = 1) -> list[int]:
    """Where new instances of a flavor go, what has taken the place of their request included."""
    code = world.code(world.flavors[flavor])
    first = world.add(np.full(many, code, dtype=np.int32), pa.array([f"new{index}" for index in range(many)]))
    return world.place(np.arange(first, first + many)).rows.tolist()


def change(text: str) -> Change:
    return parse_scenario(f"[fleet]\nsynthetic = 1\n{FLAVORS}[[changes]]\n{text}", "s.toml").changes[0]


def apply(world: World, text: str, seed: int = 0) -> Decisions:
    return apply_change(change(text), world, np.random.default_rng(seed))


def columns_of(world: World) -> dict[str, list[Any]]:
    return {
        name: values[: world.table.rows].tolist()
        for name, values in world.table.columns.items()
        if name != "generation"
    }


def usage_is_what_instances_hold(world: World) -> None:
    """The table's usage is the sum of what the instances hold, and nothing else."""
    rows = world.rows
    used = np.zeros(world.table.rows, dtype=np.int64)
    count = np.zeros(world.table.rows, dtype=np.int64)
    for row, code in zip(rows.tolist(), world.codes.tolist(), strict=True):
        if row >= 0:
            used[row] += world.amounts(code).requested_memory_mb
            count[row] += 1
    assert world.table.columns["memory_mb_used"][: world.table.rows].tolist() == used.tolist()
    assert world.table.columns["num_instances"][: world.table.rows].tolist() == count.tolist()


def test_changes_come_by_their_times_and_equal_ones_as_written() -> None:
    texts = [("b", 5), ("a", 0), ("c", 5), ("d", 1)]
    written = "".join(f"[[changes]]\ndo='fail'\nat={at}\nof={{zone='{zone}'}}\n" for zone, at in texts)
    ordered = changes_in_order(parse_scenario(f"[fleet]\nsynthetic = 1\n{written}", "s.toml"))
    assert [item.of.zone for item in ordered] == ["a", "d", "b", "c"]  # type: ignore[union-attr]


def test_what_fails_is_built_anew_elsewhere_or_lost() -> None:
    world = world_of(3)
    stayed = add(world, "half", [1, 2])
    failed = add(world, "half", [0, 0])
    add(world, "one", [1])
    decisions = apply(world, "do='fail'\nat='1h'\nof={hosts=['h0']}")
    # h1 has room for no second half beside the other half and the one
    assert decisions.instances.tolist() == failed.tolist()
    assert decisions.rows.tolist() == [2, -1]
    assert decisions.outcomes.tolist() == [Outcome.PLACED, Outcome.REFUSED]
    assert decisions.causes.tolist() == [Cause.EVACUATE] * 2
    assert decisions.times_s.tolist() == [3600.0] * 2
    assert decisions.reasons.tolist() == [Reason.NONE, Reason.VCPU]
    # h1 is one vCPU and h2 four short; in memory h1 is short of 1024 MiB and h2 of all
    assert decisions.short.tolist() == [[0, 0, 0, 0, 0], [2, 2, 0, 0, 0]]
    assert world.rows[failed].tolist() == [2, -1]
    assert world.rows[stayed].tolist() == [1, 2]
    usage_is_what_instances_hold(world)


def test_a_failed_host_takes_nothing_until_it_is_restored() -> None:
    world = world_of(2)
    apply(world, "do='fail'\nof={hosts=['h0']}")
    assert place(world, "half", 3) == [1, 1, -1]
    apply(world, "do='restore'\nof={hosts=['h0']}")
    assert place(world, "half", 3) == [0, 0, -1]


def test_all_hosts_of_a_zone_fail_at_once() -> None:
    world = world_of(4, availability_zone=["a", "b", "a", "b"])
    add(world, "half", [0, 2])
    decisions = apply(world, "do='fail'\nof={zone='a'}")
    # the first of the two does not go to the host that fails with its own
    assert decisions.rows.tolist() == [1, 1]
    assert world.blocked.tolist() == [0, 2]


def test_what_is_drained_and_fits_nowhere_stays() -> None:
    world = world_of(2)
    stuck = add(world, "half", [0, 0, 0])
    other = add(world, "half", [1])
    decisions = apply(world, "do='drain'\nof={hosts=['h0']}")
    assert decisions.causes.tolist() == [Cause.DRAIN] * 3
    assert world.rows[stuck].tolist() == [1, 0, 0]
    assert world.rows[other].tolist() == [1]
    assert place(world, "one") == [-1]
    usage_is_what_instances_hold(world)


def test_what_stayed_on_a_drained_host_is_built_anew_when_it_fails() -> None:
    world = world_of(2)
    (stuck,) = add(world, "half", [0])
    add(world, "half", [1, 1])
    assert apply(world, "do='drain'\nof={hosts=['h0']}").refused.all()
    decisions = apply(world, "do='fail'\nof={hosts=['h0']}")
    assert decisions.instances.tolist() == [stuck]
    assert world.rows[stuck] == -1
    assert len(apply(world, "do='fail'\nof={hosts=['h0']}")) == 0


def test_removed_hosts_are_gone_for_good() -> None:
    world = world_of(3)
    moved = add(world, "half", [0, 0, 1])
    decisions = apply(world, "do='remove_hosts'\nof={hosts=['h0', 'h1']}")
    assert decisions.causes.tolist() == [Cause.DRAIN] * 3
    assert world.rows[moved].tolist() == [2, 2, -1]
    assert world.table.host_count == 1
    assert world.blocked.tolist() == []
    apply(world, "do='restore'\nof={every=true}")
    assert place(world, "one") == [-1]
    with pytest.raises(InvalidRequestError, match="there is no host 'h0'"):
        apply(world, "do='restore'\nof={hosts=['h0']}")
    usage_is_what_instances_hold(world)


def test_a_failed_host_can_be_removed() -> None:
    world = world_of(2)
    apply(world, "do='fail'\nof={hosts=['h0']}")
    apply(world, "do='remove_hosts'\nof={hosts=['h0']}")
    assert world.table.host_count == 1
    assert world.blocked.tolist() == []


def test_added_hosts_take_instances_and_are_called_anew_each_time() -> None:
    world = world_of(1, availability_zone=["a"])
    add(world, "half", [0, 0])
    assert place(world, "one") == [-1]
    assert len(apply(world, "do='add_hosts'\nlike='2 hosts of 8c 16g cpu x1'\nzone='a'\naggregates=['ssd']")) == 0
    assert place(world, "half", 5) == [1, 1, 2, 2, -1]
    apply(world, "do='add_hosts'\nlike='2 hosts of 8c 16g in 2 zones, racks of 1'")
    names = world.table.identity.host_ids[: world.table.rows]
    assert names == ["h0", "added-000002", "added-000003", "added-000004", "added-000005"]
    members = {
        item.name: world.table.aggregate_host_rows(uuid).tolist() for uuid, item in world.table.aggregates.items()
    }
    assert members == {"ssd": [1, 2], "rack-added4-0001": [3], "rack-added4-0002": [4]}
    assert world.table.zones == {"a", "az1", "az2"}


def test_added_hosts_can_be_named_by_what_comes_later() -> None:
    world = world_of(1)
    apply(world, "do='add_hosts'\nlike='2 hosts of 8c 16g'")
    apply(world, "do='fail'\nof={hosts=['added-000003']}")
    assert world.blocked.tolist() == [2]


def test_a_host_of_an_added_ones_name_is_told() -> None:
    world = world_of(1, host_id=["added-000002"])
    with pytest.raises(InvalidRequestError, match="there is a host called 'added-000002' already"):
        apply(world, "do='add_hosts'\nlike='1 host of 1c 1g'")


def test_ratios_change_what_is_free_and_nothing_else() -> None:
    world = world_of(3)
    add(world, "half", [0, 1])
    before = columns_of(world)
    apply(world, "do='set_ratio'\ncpu=2.5\nram=2\nof={hosts=['h0', 'h2']}")
    after = columns_of(world)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {
        "vcpu_allocation_ratio",
        "memory_mb_allocation_ratio",
        "vcpu_free",
        "memory_mb_free",
        "cpu_free",
    }
    assert after["vcpu_free"] == [16, 4, 20]
    assert after["memory_mb_free"] == [32_768 - 8192, 8192, 32_768]
    assert after["service_up"] == [1, 1, 1]
    apply(world, "do='set_ratio'\ncpu=1\nram=1\nof={every=true}")
    assert columns_of(world) == before


def test_reserved_amounts_change_what_is_free_and_reported() -> None:
    world = world_of(2, memory_mb_reserved=[1024, 0], free_ram_mb=[15_000, None])
    add(world, "half", [0, 1])
    apply(world, "do='set_reserved'\nvcpus=2\nmemory_mb=2048\ndisk_gb=10\nof={every=true}")
    columns = columns_of(world)
    assert columns["vcpu_free"] == [2, 2]
    assert columns["memory_mb_free"] == [16_384 - 2048 - 8192] * 2
    assert columns["disk_gb_free"] == [90, 90]
    assert columns["free_ram_mb"] == [15_000 - 1024 - 8192, 16_384 - 2048 - 8192]
    assert columns["free_disk_gb"] == [90, 90]
    apply(world, "do='set_reserved'\nmemory_mb=0\nof={hosts=['h1']}")
    assert columns_of(world)["memory_mb_free"] == [6144, 8192]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("do='set_reserved'\nmemory_mb=16385\nof={every=true}", "set_reserved: host 'h0' has a memory_mb of 16384"),
        ("do='set_ratio'\nram=1000000\nof={every=true}", "set_ratio: host 'h0': memory_mb times its allocation ratio"),
        ("do='fail'\nof={zone='zz'}", "there is no availability zone 'zz'"),
        ("do='set_chain'\nchain={enabled_filters=['X']}", "X"),
    ],
)
def test_what_cannot_be_is_told_and_leaves_the_world_as_it_was(text: str, told: str) -> None:
    world = world_of(2)
    apply(world, "do='fail'\nof={hosts=['h1']}")
    before = columns_of(world)
    with pytest.raises(EngineError) as caught:
        try:
            apply(world, text)
        except Exception as error:
            if told not in str(error):
                raise AssertionError(str(error)) from error
            raise
    assert told in caught.value.message
    assert columns_of(world) == before
    assert world.blocked.tolist() == [1]


def test_hosts_that_are_down_stay_down_when_their_facts_change() -> None:
    world = world_of(2)
    apply(world, "do='fail'\nof={hosts=['h0']}")
    apply(world, "do='set_ratio'\ncpu=4\nof={every=true}")
    assert place(world, "half", 3) == [1, 1, -1]
    apply(world, "do='restore'\nof={every=true}")
    assert world.table.columns["vcpu_free"][:2].tolist() == [32, 24]


def test_who_asks_for_a_zone_that_is_lost_goes_nowhere_else() -> None:
    zoned = "[[flavors]]\nname='there'\nvcpus=1\nmemory_mb=1\nzone='b'\n"
    world = world_of(4, zoned + FLAVORS, availability_zone=["a", "b", "a", "b"])
    assert place(world, "there") == [1]
    decisions = apply(world, "do='fail'\nof={zone='b'}")
    assert decisions.refused.all()
    assert place(world, "there", 2) == [-1, -1]
    assert place(world, "one") == [0]


@pytest.mark.parametrize(
    "between",
    [
        "do='add_hosts'\nlike='1 host of 1c 1g'",
        "do='set_ratio'\ncpu=1\nof={hosts=['h1']}",
        "do='set_chain'\nchain={service_down_time=90}",
        "do='fail'\nof={hosts=['h1']}",
    ],
)
def test_hosts_that_were_down_meanwhile_are_up_when_they_are_restored(between: str) -> None:
    world = world_of(2)
    apply(world, "do='fail'\nof={hosts=['h0']}")
    apply(world, between)
    apply(world, "do='restore'\nof={hosts=['h0']}")
    assert place(world, "half") == [0]


def test_devices_in_use_stay_in_use_when_facts_change() -> None:
    cells = [{"id": cell, "cpuset": [4 * cell + cpu for cpu in range(4)], "memory": 8192} for cell in range(2)]
    numa = json.dumps({"cells": cells})
    flavors = "[[flavors]]\nname='numa'\nvcpus=4\nmemory_mb=4096\nextra_specs={'hw:numa_nodes'='1'}\n"
    flavors += "[[flavors]]\nname='one'\nvcpus=1\nmemory_mb=1\n"
    world = world_of(
        1,
        flavors.replace("[[flavors]]", "enabled_filters = ['NUMATopologyFilter']\n[[flavors]]", 1),
        numa_topology=[numa],
    )
    assert place(world, "numa") == [0]
    used = world.table.numa(0)
    apply(world, "do='set_ratio'\nram=1.5\nof={every=true}")
    assert world.table.numa(0) == used
    assert used is not None
    assert sum(cell.memory_usage_mb for cell in used.cells) == 4096


def test_the_chain_changes_for_what_is_placed_from_then_on() -> None:
    world = world_of(3)
    add(world, "one", [0])
    assert place(world, "one") == [0]
    apply(world, "do='set_chain'\nchain={ram_weight_multiplier=1.0}")
    assert world.options.ram_weight_multiplier == 1.0
    assert world.options.cpu_weight_multiplier == 0.0
    assert place(world, "one") == [1]
    apply(world, "do='set_chain'\nchain={ram_weight_multiplier=-1, cpu_weight_multiplier=0}")
    assert place(world, "one") == [0]


def test_a_flavor_changes_for_what_is_created_from_then_on() -> None:
    world = world_of(1)
    old = world.code(world.flavors["half"])
    (held,) = add(world, "half", [0])
    apply(world, "do='set_flavor'\nname='half'\nvcpus=5")
    new = world.replaced[old]
    assert world.requests[new].flavor.vcpus == 5
    assert world.requests[new].flavor.memory_mb == 8192
    assert world.flavors["half"] == world.requests[new]
    assert world.codes[held] == old
    apply(world, "do='set_flavor'\nname='half'\nextra_specs={'hw:numa_nodes'='5'}\nmemory_mb=5")
    newest = world.replaced[old]
    assert world.requests[newest].numa is not None
    assert world.replaced[new] == newest
    apply(world, "do='set_flavor'\nname='half'\nvcpus=4\nmemory_mb=8192\nextra_specs={}")
    assert {world.replaced[code] for code in (old, new, newest)} == {old}


def test_a_flavor_of_a_trace_is_known_by_its_requests() -> None:
    world = world_of(1)
    world.flavors.clear()
    with pytest.raises(InvalidRequestError, match="there is no flavor 'one'"):
        apply(world, "do='set_flavor'\nname='one'\nvcpus=2")


def test_a_flavor_that_would_contradict_itself_is_told() -> None:
    world = world_of(1)
    with pytest.raises(InvalidRequestError, match="do not divide into 3 equal NUMA cells"):
        apply(world, "do='set_flavor'\nname='half'\nextra_specs={'hw:numa_nodes'='3'}")


@pytest.mark.parametrize("do", ["fail", "drain", "remove_hosts", "restore"])
def test_a_share_is_drawn_by_the_generator(do: str) -> None:
    def blocked(seed: int) -> list[int]:
        world = world_of(20)
        apply(world, f"do='{do}'\nof={{every=true, share=0.3}}", seed)
        return np.flatnonzero(world.table.columns["present"][:20] == 0).tolist()

    assert blocked(1) == blocked(1)
    assert len(blocked(1)) == (0 if do == "restore" else 6)


_DOES = st.sampled_from(
    [
        "do='fail'\nof={{hosts=['h{row}']}}",
        "do='drain'\nof={{hosts=['h{row}']}}",
        "do='restore'\nof={{every=true}}",
        "do='set_ratio'\ncpu={row}.5\nof={{hosts=['h{row}']}}",
        "do='set_reserved'\nvcpus={row}\nmemory_mb=100\nof={{every=true}}",
        "do='add_hosts'\nlike='1 host of 8c 16g cpu x1'",
        "do='fail'\nof={{every=true, share=0.4}}",
        "do='set_chain'\nchain={{ram_weight_multiplier={row}}}",
    ]
)
_STEPS = st.lists(st.tuples(_DOES, st.integers(0, 3)) | st.sampled_from(["one", "half"]), max_size=12)


@given(_STEPS, st.integers(0, 3))
@settings(deadline=None, max_examples=40)
def test_whatever_is_done_usage_is_what_instances_hold_and_nothing_is_placed_on_what_is_down(
    steps: list[tuple[str, int] | str], seed: int
) -> None:
    world = world_of(4)
    add(world, "one", [0, 1, 2, 3, 0])
    for step in steps:
        if isinstance(step, str):
            (row,) = place(world, step)
            assert row not in world.blocked.tolist()
        else:
            text, row = step
            down = world.blocked.tolist()
            decisions = apply(world, text.format(row=row), seed)
            assert not set(decisions.rows.tolist()) & (set(world.blocked.tolist()) | set(down))
        usage_is_what_instances_hold(world)
    apply(world, "do='restore'\nof={every=true}")
    assert (world.table.columns["present"][: world.table.rows] == 1).all()
    assert (world.table.columns["service_up"][: world.table.rows] == 1).all()


def test_decisions_of_changes_without_moves_are_none() -> None:
    makes: list[Callable[[World], Decisions]] = [
        lambda world: apply(world, "do='restore'\nof={every=true}"),
        lambda world: apply(world, "do='set_ratio'\ncpu=2\nof={every=true}"),
        lambda world: apply(world, "do='set_flavor'\nname='one'\nvcpus=2"),
        lambda world: apply(world, "do='drain'\nof={every=true}"),
    ]
    assert [len(make(world_of(2))) for make in makes] == [0, 0, 0, 0]
