"""Classes that are looked up for one call of the kernel keep their slots until that call, however full the store is."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inventory.usage import flavor_amounts
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from engine.scheduler.views import Releases, ViewStore
from tests.builders import fleet, host_table, request

CHAIN = Chain.from_options(SchedulerOptions())
CLASSES = [request(vcpus=1 + number, memory_mb=512 * (1 + number)) for number in range(12)]


def looked_up(views: ViewStore, number: int) -> int:
    spec = CLASSES[number]
    amounts = flavor_amounts(spec.flavor)
    return views.slot((number, amounts), spec, amounts)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), calls=st.integers(1, 40))
def test_as_many_classes_as_there_is_room_for_have_slots_of_their_own(seed: int, calls: int) -> None:
    chance = random.Random(seed)
    table = host_table([{}] * 3)
    views = Selector(table, CHAIN, chance, view_budget_bytes=1).views
    for _ in range(calls):
        # some are asked for far more often than others
        numbers = list(dict.fromkeys(min(chance.randrange(12), chance.randrange(12)) for _ in range(views.capacity)))
        slots = [looked_up(views, number) for number in numbers]
        assert len(set(slots)) == len(slots) <= views.capacity
        nothing = np.empty(0, dtype=np.int64)
        views.place(nothing, nothing, claim=False)


def grown() -> tuple[ViewStore, int]:
    """Views that were made for one leaf of a table that has many by now, and a slot of then."""
    table = host_table([{}])
    views = Selector(table, CHAIN, random.Random(0)).views
    slot = looked_up(views, 0)
    table.upsert(fleet([{"host_id": f"late{index}"} for index in range(2000)]))
    return views, slot


def test_what_is_given_back_after_growth_is_noted_in_the_grown_table() -> None:
    views, _ = grown()
    amounts = flavor_amounts(CLASSES[0].flavor)
    views.table.apply(1999, 1, amounts)
    noted = int(views.table.journal.leaf_revision[1999 // 64])
    nothing = np.empty(0, dtype=np.int64)
    releases = Releases(*(np.array([value]) for value in (0, 1999, views.shape(amounts), -1)))
    views.place(nothing, nothing, claim=True, releases=releases)
    assert views.table.columns["num_instances"][1999] == 0
    assert views.table.journal.leaf_revision[1999 // 64] > noted


def test_slots_from_before_growth_are_refused() -> None:
    views, slot = grown()
    shape = views.shape(flavor_amounts(CLASSES[0].flavor))
    with pytest.raises(RuntimeError, match="ask for them again"):
        views.leading(slot, shape)
    # no service of a late host has been seen up
    assert views.leading(looked_up(views, 0), shape, picks=3).rows.tolist() == [0]
