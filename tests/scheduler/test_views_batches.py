"""Classes that are looked up for one call of the kernel keep their slots until that call, however full the store is."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inventory.usage import flavor_amounts
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from engine.scheduler.views import ViewStore
from tests.builders import host_table, request

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
