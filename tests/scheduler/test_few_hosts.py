"""A few hosts weighed alone weigh what they weigh where no others pass."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scheduler.few_hosts import passing_columns, weights_of
from engine.scheduler.inquiry import make_inquiry
from engine.scheduler.select import Selector
from engine.scheduler.sparse import GroupState, SelectionContext
from tests.builders import host_table, request
from tests.scheduler.overlay_worlds import MULTIPLIERS, chain, random_hosts


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    many=st.sampled_from((1, 2, 30, 256, 300, 900)),
    strategy=st.sampled_from(sorted(MULTIPLIERS)),
)
def test_weights_are_those_that_the_kernel_gives_with_all_others_filtered_out(
    seed: int, many: int, strategy: str
) -> None:
    rng = random.Random(seed)
    table = host_table(random_hosts(rng, many, 1))
    selector = Selector(table, chain(strategy), random.Random(0))
    context = SelectionContext(table, GroupState("soft-affinity", 1, {row: row % 3 for row in range(0, many, 2)}))
    demand = selector.demand(request(memory_mb=9000, instance_group="group"))
    inquiry = make_inquiry(selector.chain, table, demand, context, selector.verdicts)
    # of few among many the columns are copied, of most of them read in place
    most = rng.choice((many, min(many, 40)))
    rows = np.array(sorted(rng.sample(range(many), rng.randint(1, most))), dtype=np.int64)
    bits = selector.chain.verdicts(table, demand.amounts)
    left = passing_columns(inquiry, rows)
    assert left.tolist() == [row for row in rows.tolist() if bits[row] == 0]
    mask = np.zeros(len(table.columns["present"]), dtype=np.uint8)
    mask[rows] = 1
    extra = np.zeros((len(selector.chain.extra_weighers), len(mask)), dtype=np.float64)
    for place, index in enumerate(selector.chain.extra_weighers):
        if selector.chain.weighers[index].name == "ServerGroupSoftAffinityWeigher":
            extra[place, :many:2] = np.arange(0, many, 2) % 3
    none = np.zeros(len(selector.chain.column_filters), dtype=np.bool_)
    weighing = selector.chain.weigh(table, mask, demand.amounts, none, selector.overrides, extra)
    assert weights_of(inquiry, rows, selector.overrides).tolist() == weighing.weights[rows].tolist()


def test_no_hosts_are_no_hosts() -> None:
    table = host_table([{}])
    selector = Selector(table, chain("spread"), random.Random(0))
    context = SelectionContext(table)
    inquiry = make_inquiry(selector.chain, table, selector.demand(request()), context, selector.verdicts)
    nobody = np.empty(0, dtype=np.int64)
    assert passing_columns(inquiry, nobody).tolist() == []
    assert weights_of(inquiry, nobody, selector.overrides).tolist() == []
