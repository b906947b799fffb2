from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.whatif.scenario.changes import Fail, SetRatio
from engine.whatif.scenario.hosts import HostChoice
from engine.whatif.workloads.fill_bounds import FillBounds, fill_bounds
from tests.whatif.workloads.samples import world_of

EVERY = HostChoice(every=True)
FACTS = {"vcpus": 10, "memory_mb": 65_536, "disk_gb": 100, "cpu_allocation_ratio": 2.0, "ram_allocation_ratio": 1.0}


def bounds_of(world, changes=()):
    return fill_bounds(world, np.array([world.code(world.flavors["small"])], np.int32), changes)


def test_bounds_are_what_is_free_of_what_is_asked_for():
    bounds = bounds_of(world_of([FACTS] * 2))
    assert bounds.sizes.tolist() == [[10, 2048, 1]]
    assert bounds.rooms.tolist() == [200, 131_072, 40]
    assert bounds.is_finite


def test_changes_leave_the_world_as_it_is_and_the_most_of_each_class_counts():
    world = world_of([FACTS])
    ratio = SetRatio(do="set_ratio", of=EVERY, cpu=1.0, ram=3.0)
    assert bounds_of(world, [ratio]).rooms.tolist() == [100, 3 * 65_536, 20]
    assert bounds_of(world).rooms.tolist() == [100, 65_536, 20]


def test_what_is_lost_makes_room_once_more():
    fail = Fail(do="fail", of=EVERY)
    assert bounds_of(world_of([FACTS]), [fail, fail]).rooms.tolist() == [300, 3 * 65_536, 60]


@given(
    st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=2), min_size=1, max_size=12),
    st.lists(st.integers(0, 12), min_size=2, max_size=2),
    st.integers(1, 3),
)
@settings(deadline=None)
def test_sums_beyond_the_rooms_hold_the_refusals_however_the_rest_fits(sizes, rooms, refusals):
    each = np.array(sizes, np.int64)
    bounds = FillBounds(each, np.array(rooms, np.int64))
    beyond = bounds.are_beyond(np.cumsum(each, axis=0), refusals)
    for many in np.flatnonzero(beyond).tolist():
        taken = each[: many + 1]
        # even without the largest ones of a class, one fewer than the refusals, it does not fit
        for column, room in enumerate(rooms):
            left = np.sort(taken[:, column])[: len(taken) - (refusals - 1)]
            if left.sum() > room:
                break
        else:
            raise AssertionError((many, sizes, rooms))
