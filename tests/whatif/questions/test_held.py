"""What hosts hold, in the orders that questions go through it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from engine.whatif.questions.held import held_in, is_alone_plain
from engine.whatif.workload import GroupRule
from tests.whatif.questions.worlds import request_of, world_of

HELD = [(1, (1, 512, 0)), (0, (2, 512, 0)), (1, (1, 2048, 0)), (1, (1, 512, 0)), (2, (2, 512, 5))]


def test_instances_of_rows_are_the_oldest_first() -> None:
    held = held_in(world_of([{}] * 4, HELD))
    assert [held.on_rows(np.array([row])).tolist() for row in range(4)] == [[1], [0, 2, 3], [4], []]
    assert held.on_rows(np.array([0, 1, 3])).tolist() == [0, 1, 2, 3]
    assert held.on_rows(np.array([3])).tolist() == held.on_rows(np.array([], dtype=np.int64)).tolist() == []
    assert held.counts.tolist() == [1, 3, 1, 0]


def test_the_largest_are_of_most_memory_then_vcpus_then_disk_then_the_older() -> None:
    held = held_in(world_of([{}] * 4, HELD))
    assert held.largest_first(np.arange(5)).tolist() == [2, 4, 1, 0, 3]


def test_instances_that_hold_nothing_are_not_held() -> None:
    world = world_of([{}] * 4, HELD)
    world.give_back(np.array([2]))
    assert held_in(world).on_rows(np.array([1])).tolist() == [0, 3]


def test_members_of_server_groups_are_not_decided_by_amounts_alone() -> None:
    world = world_of([{}] * 4, HELD)
    code = world.code(request_of((1, 512, 0)))
    first = world.add(np.array([code], np.int32), pa.array(["a"]), np.zeros(1, np.int32), GroupRule("affinity"))
    world.hold(np.array([first]), np.array([3]))
    held = held_in(world)
    assert dict(zip(held.instances.tolist(), is_alone_plain(world, held).tolist(), strict=True)) == {
        **dict.fromkeys(range(5), True),
        5: False,
    }
