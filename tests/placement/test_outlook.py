"""The outlook of a search: it never gives up what is possible, and sees what counting alone can see."""

from __future__ import annotations

import pytest

from engine.placement.deployment import Anchor
from engine.placement.outlook import hopeful
from engine.placement.problem import Problem, problem_of
from tests.placement.builders import group, provider, query, tree

CARDS = tree(provider("host", VCPU=8), *(provider(f"card{n}", "host", VGPU=4) for n in range(3)))


def problem(amounts: list[int], policy: str = "none") -> Problem:
    groups = (group(f"_{n}", VGPU=amount) for n, amount in enumerate(amounts))
    found = problem_of(Anchor(CARDS), query(*groups, policy=policy), tree_path=True, from_root=False, quirks=False)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("amounts", "policy", "expected"),
    [
        ([1] * 12, "none", True),
        ([1] * 13, "none", False),
        ([3] * 3, "none", True),
        ([3] * 4, "none", False),
        ([4, 4, 4, 1], "none", False),
        ([1] * 3, "isolate", True),
        ([1] * 4, "isolate", False),
    ],
)
def test_equal_amounts_and_isolation_are_decided_exactly(amounts: list[int], policy: str, expected: bool) -> None:
    one = problem(amounts, policy)
    options = {number: variable.options for number, variable in enumerate(one.variables)}
    assert hopeful(one, options, one.rooms) is expected


def test_a_variable_without_options_ends_all_hope() -> None:
    one = problem([1, 1])
    assert not hopeful(one, {0: (1,), 1: ()}, one.rooms)
    assert hopeful(one, {}, one.rooms)
