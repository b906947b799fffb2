"""The search: its steps stay few where devices are alike, however many, and whether or not there is a solution."""

from __future__ import annotations

import pytest

from engine.model.candidates import CandidateQuery, Provider, ProviderTree
from engine.placement.deployment import Anchor
from engine.placement.problem import problem_of
from engine.placement.search import Search
from tests.placement.builders import group, provider, query, tree

HOST = provider("host", VCPU=64, MEMORY_MB=65536)
BASE = group(VCPU=4, MEMORY_MB=1024)


def search(where: ProviderTree, wanted: CandidateQuery) -> tuple[bool, int]:
    """Return whether there is a solution, and after how many steps that was known."""
    problem = problem_of(Anchor(where), wanted, tree_path=True, from_root=True, quirks=False)
    assert problem is not None
    run = Search(problem, (None,) * len(problem.providers), by_group=False)
    return next(run.solutions(), None) is not None, run.steps


def cards(count: int, size: int, below: int = 0) -> ProviderTree:
    """Return a host of like cards, of a size each or, where ``below`` is given, with that many children of one."""
    providers: list[Provider] = [HOST]
    for card in range(count):
        providers.append(provider(f"card{card}", "host", **({} if below else {"VGPU": size})))
        providers += (provider(f"unit{card}.{number}", f"card{card}", VGPU=1) for number in range(below))
    return tree(*providers)


def groups(count: int, *sizes: int, policy: str = "none") -> CandidateQuery:
    return query(BASE, *(group(f"_{n}", VGPU=sizes[n % len(sizes)]) for n in range(count)), policy=policy)


@pytest.mark.parametrize(
    ("where", "wanted", "possible", "most_steps"),
    [
        (cards(8, 16), groups(8, 1), True, 10),
        (cards(8, 16), groups(8, 1, policy="isolate"), True, 10),
        (cards(8, 16), groups(9, 1, policy="isolate"), False, 0),
        (cards(8, 0, below=16), groups(8, 1), True, 10),
        (cards(8, 0, below=16), groups(8, 1, policy="isolate"), True, 10),
        (cards(1, 0, below=64), groups(64, 1), True, 66),
        (cards(1, 0, below=64), groups(65, 1), False, 0),
        (cards(8, 16), groups(9, 9), False, 0),
        (cards(8, 16), groups(16, 9, 7), True, 60),
        (cards(8, 16), groups(17, 9, 7), False, 0),
        (cards(8, 16), groups(20, 5, 6, 7), False, 3000),
    ],
)
def test_like_devices_cost_few_steps_whether_or_not_they_suffice(
    where: ProviderTree, wanted: CandidateQuery, possible: bool, most_steps: int
) -> None:
    found, steps = search(where, wanted)
    assert found is possible
    assert steps <= most_steps


@pytest.mark.parametrize(("wanted", "possible", "most_steps"), [(8, True, 12), (9, False, 0)])
def test_a_subtree_rule_looks_only_below_what_may_head_it(wanted: int, possible: bool, most_steps: int) -> None:
    where = [HOST]
    for node in range(4):
        where.append(provider(f"node{node}", "host", "NUMA"))
        where += (provider(f"device{node}.{number}", f"node{node}", CUSTOM_PCI=1) for number in range(8))
    suffixes = [f"_{number}" for number in range(wanted)]
    asked = query(
        BASE,
        *(group(suffix, CUSTOM_PCI=1) for suffix in suffixes),
        group("_node", required="NUMA"),
        same_subtree=((*suffixes, "_node"),),
    )
    found, steps = search(tree(*where), asked)
    assert found is possible
    assert steps <= most_steps


def test_a_taken_device_among_like_ones_is_not_like_them() -> None:
    where = tree(HOST, provider("a", "host", VGPU=1, used={"VGPU": 1}), provider("b", "host", VGPU=1))
    assert search(where, groups(1, 1)) == (True, 3)
    assert search(where, groups(1, 1, policy="isolate")) == (True, 3)


@pytest.mark.parametrize(("last", "possible"), [(2, True), (3, False)])
def test_what_cannot_be_served_late_in_the_order_is_found_before_all_that_precedes_is_tried(
    last: int, possible: bool
) -> None:
    fillers = [provider(f"card{size}", "host", VGPU=size) for size in range(2, 12)]
    gold = provider("gold", "host", "GOLD", VGPU=10)
    tight = (group(f"_t{number}", VGPU=size, required="GOLD") for number, size in enumerate((5, 3, last)))
    asked = query(BASE, *(group(f"_{number}", VGPU=1) for number in range(10)), *tight)
    found, steps = search(tree(HOST, *fillers, gold), asked)
    assert found is possible
    assert steps <= 2000
