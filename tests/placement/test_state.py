"""The middle of a search: what fits, what is still open, and that giving back undoes taking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.model.candidates import CandidateQuery
from engine.placement.deployment import Anchor
from engine.placement.problem import problem_of
from engine.placement.state import State
from tests.placement.builders import group, provider, query, tree

WHERE = tree(
    provider("host", VCPU=8),
    provider("node0", "host", "NUMA"),
    provider("unit0", "node0", VGPU=2),
    provider("unit1", "node0", "GOLD", VGPU=2),
    provider("node1", "host", "NUMA"),
    provider("unit2", "node1", VGPU=2),
)
HOST, NODE0, UNIT0, UNIT1, NODE1, UNIT2 = range(6)


def state(wanted: CandidateQuery) -> State:
    problem = problem_of(Anchor(WHERE), wanted, tree_path=True, from_root=True, quirks=False)
    assert problem is not None
    return State(problem)


BOUND = query(
    group(VCPU=1),
    group("_a", VGPU=1),
    group("_b", VGPU=2),
    group("_n", required="NUMA"),
    policy="isolate",
    same_subtree=(("_a", "_b", "_n"),),
)


def test_a_subtree_rule_narrows_what_is_open_to_what_lies_below_a_possible_head() -> None:
    now = state(BOUND)
    assert now.options() == {0: [HOST], 1: [UNIT0, UNIT1, UNIT2], 2: [UNIT0, UNIT1, UNIT2], 3: [NODE0, NODE1]}
    now.take(1, UNIT0)
    assert now.sound(1)
    assert now.options() == {0: [HOST], 2: [UNIT1], 3: [NODE0]}
    now.take(3, NODE1)
    assert not now.sound(3)


def test_isolated_groups_cannot_share_however_much_room_there_is() -> None:
    now = state(BOUND)
    now.take(1, UNIT2)
    assert not now.fits(2, UNIT2)
    assert not now.hopeful(now.options())


def test_at_the_end_the_root_must_have_given_something_and_all_traits_be_met() -> None:
    bare = state(query(group("_a", VGPU=1)))
    bare.take(0, UNIT0)
    assert not bare.sound(0)
    golden = state(query(group(VCPU=1, VGPU=1, required="GOLD")))
    golden.take(0, HOST)
    golden.take(1, UNIT0)
    assert not golden.sound(1)
    golden.give_back()
    golden.take(1, UNIT1)
    assert golden.sound(1)


def test_like_choices_lead_to_states_of_one_key_and_unlike_ones_do_not() -> None:
    now = state(query(group(VCPU=1), group("_a", VGPU=1), group("_b", VGPU=1)))
    keys = []
    for option in (UNIT0, UNIT2, UNIT1):
        now.take(1, option)
        keys.append(now.key())
        now.give_back()
    assert keys[0] == keys[1] == keys[2]
    now.take(1, UNIT0)
    now.take(2, UNIT0)
    together = now.key()
    now.give_back()
    now.take(2, UNIT1)
    assert now.key() != together


@given(st.lists(st.integers(0, 100), max_size=4))
def test_giving_back_undoes_taking(choices: list[int]) -> None:
    now = state(BOUND)
    key, options, labels = now.key(), now.options(), list(now.labels)
    taken = 0
    for choice in choices:
        open_now = [(number, option) for number, offer in now.options().items() for option in offer]
        if not open_now:
            break
        now.take(*open_now[choice % len(open_now)])
        taken += 1
    for _ in range(taken):
        now.give_back()
    assert (now.key(), now.options(), now.labels, now.chosen) == (key, options, labels, {})
