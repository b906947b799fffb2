"""More members of a soft-affinity group weigh more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import InvalidSettingError
from engine.scheduler.sparse import GroupState
from engine.scheduler.weighed_selection import Step
from tests.builders import host_table, only, request, selector, weights

NAME = "ServerGroupSoftAffinityWeigher"


HOSTS = [{}, {}, {}]
SPEC = request(instance_group="group")


def test_the_place_between_the_fewest_and_the_most_members() -> None:
    group = GroupState("soft-affinity", member_counts={1: 1, 2: 2})
    assert weights(NAME, HOSTS, SPEC, group=group) == {"h2": 1.0, "h1": 0.5, "h0": 0.0}


def test_an_instance_put_where_it_is_counts_once_and_one_that_moves_on_both_hosts() -> None:
    spec = replace(SPEC, num_instances=2)
    chain = only(weighers=[NAME])
    stays = GroupState("soft-affinity", member_counts={1: 1, 2: 2})
    steps: list[Step] = []
    # the first instance is one of the two on h2 and stays there: the second is weighed as the first was
    selector(host_table(HOSTS), chain).select(spec, group=stays, own_rows=(frozenset({2}),), steps=steps)
    assert [step.weights.tolist() for step in steps] == [[1.0, 0.5, 0.0], [1.0, 0.5, 0.0]]
    moves = GroupState("soft-affinity", member_counts={1: 1, 2: 2})
    steps.clear()
    selector(host_table(HOSTS), chain).select(spec, group=moves, own_rows=(frozenset({1}),), steps=steps)
    assert [step.weights.tolist() for step in steps] == [[1.0, 0.5, 0.0], [1.0, 1 / 3, 0.0]]


def test_the_multiplier_is_an_option() -> None:
    group = GroupState("soft-affinity", member_counts={1: 1, 2: 2})
    assert weights(NAME, HOSTS, SPEC, group=group, soft_affinity_weight_multiplier=3.0) == {
        "h2": 3.0,
        "h1": 1.5,
        "h0": 0.0,
    }


@pytest.mark.parametrize("policy", ["affinity", "anti-affinity", "soft-anti-affinity"])
def test_another_policy_weighs_nothing(policy: str) -> None:
    found = weights(NAME, HOSTS, SPEC, group=GroupState(policy, member_counts={1: 1}))
    assert set(found.values()) == {0.0}


def test_a_group_without_members_and_no_group_weigh_nothing() -> None:
    assert set(weights(NAME, HOSTS, SPEC, group=GroupState("soft-affinity")).values()) == {0.0}
    assert set(weights(NAME, HOSTS).values()) == {0.0}


def test_a_host_of_the_group_without_a_member_counts_none() -> None:
    group = GroupState("soft-affinity", host_rows={0, 1, 2})
    assert set(weights(NAME, HOSTS, SPEC, group=group).values()) == {0.0}


def test_a_negative_multiplier_is_refused() -> None:
    with pytest.raises(InvalidSettingError):
        weights(NAME, HOSTS, SPEC, soft_affinity_weight_multiplier=-1.0)
