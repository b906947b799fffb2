"""Several instances of one request go where weighing every host before each of them puts them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import NoValidHostError
from engine.scheduler.demand import demand_of
from engine.scheduler.multi_create import select_many
from engine.scheduler.select import Selector
from engine.scheduler.sparse import GroupState, SelectionContext
from tests.builders import host_table, request
from tests.scheduler.overlay_worlds import MULTIPLIERS, Twins, chain, random_hosts

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.one_of(st.integers(1, 12), st.integers(1, 80), st.sampled_from((255, 256, 257, 600)))
STRATEGIES = st.sampled_from(sorted(MULTIPLIERS))


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS, many=SIZES, strategy=STRATEGIES, cells=st.sampled_from((1, 1, 3)))
def test_instances_go_where_weighing_every_host_for_each_puts_them(
    seed: int, many: int, strategy: str, cells: int
) -> None:
    rng = random.Random(seed)
    twins = Twins.of(random_hosts(rng, many, cells), chain(strategy))
    for _ in range(3):
        spec = request(
            vcpus=rng.choice((1, 4, 9)),
            memory_mb=rng.choice((0, 512, 3000, 9000)),
            root_gb=rng.choice((0, 10)),
            num_instances=rng.choice((2, 3, 10, 40)),
            alternates=rng.choice((0, 1, 2, 9)),
        )
        names = [f"H{row}" for row in range(many) if rng.random() < 0.5]
        if rng.random() < 0.2:
            spec = replace(spec, ignore_hosts=tuple(names))
        elif rng.random() < 0.1:
            spec = replace(spec, force_hosts=tuple(names))
        twins.compare(spec, claim=rng.random() < 0.7)
    twins.check()


@settings(max_examples=100, deadline=None)
@given(
    seed=SEEDS,
    many=st.integers(1, 60),
    strategy=STRATEGIES,
    policy=st.sampled_from(("affinity", "anti-affinity", "soft-affinity")),
)
def test_a_groups_rule_holds_between_the_instances_of_a_request(
    seed: int, many: int, strategy: str, policy: str
) -> None:
    rng = random.Random(seed)
    twins = Twins.of(random_hosts(rng, many, 2), chain(strategy))
    group = GroupState(policy, max_server_per_host=rng.choice((1, 1, 2, 3)))
    for row in rng.sample(range(many), rng.choice((0, 0, min(many, 4)))):
        group.add(row, is_member=rng.random() < 0.8)
    for _ in range(3):
        instances = rng.choice((2, 3, 7))
        spec = request(memory_mb=1024, num_instances=instances, instance_group="group", alternates=rng.choice((0, 2)))
        members = None if rng.random() < 0.5 else [rng.random() < 0.7 for _ in range(instances)]
        twins.compare(spec, group, members=members, claim=rng.random() < 0.7)
    twins.check()


def test_long_sequences_keep_the_order_of_equals() -> None:
    for strategy in MULTIPLIERS:
        for seed in range(3):
            rng = random.Random(seed)
            twins = Twins.of(random_hosts(rng, 300, 1), chain(strategy))
            found = twins.compare(request(memory_mb=256, num_instances=400, alternates=3))
            assert found is None or len(found) == 400
            twins.check()


def test_plain_requests_are_for_the_kernel_and_others_are_not() -> None:
    table = host_table([{} for _ in range(5)])
    selector = Selector(table, chain("spread"), random.Random(0))

    def rows(context: SelectionContext, **spec: object) -> list[int] | None:
        wanted = request(num_instances=3, **spec)  # type: ignore[arg-type]
        demand = demand_of(wanted, table, selector.chain.options)
        found = select_many(table, selector.chain, selector._kept(), demand, context, alternates=1, claim=False)
        return None if found is None else [item.row for item in found]

    assert rows(SelectionContext(table)) == [0, 1, 2]
    assert rows(SelectionContext(table, GroupState("affinity"))) == [0, 0, 0]
    assert rows(SelectionContext(table), ignore_hosts=("h0", "H1")) == [2, 3, 4]
    assert rows(SelectionContext(table, GroupState("soft-anti-affinity"))) is None
    assert rows(SelectionContext(table, own_rows=frozenset({1}))) is None


def test_a_refusal_says_how_many_found_a_host_and_leaves_nothing_claimed() -> None:
    twins = Twins.of([{"memory_mb": 2048, "vcpus": 4} for _ in range(3)], chain("spread"))
    with pytest.raises(NoValidHostError, match="after 6 instances were placed"):
        twins.fast.select(request(memory_mb=1024, num_instances=7))
    assert twins.compare(request(memory_mb=1024, num_instances=7)) is None
    twins.check()
    assert not twins.fast.table.columns["num_io_ops"].any()
