"""Queries as problems: variables, rooms, and candidates out of choices."""

from __future__ import annotations

from engine.model.candidates import SHARES, Candidate
from engine.placement.deployment import Anchor
from engine.placement.problem import Problem, Variable, candidate_of, problem_of
from tests.placement.builders import group, provider, query, tree

HOST = provider("host", traits="OWNER", VCPU=8, DISK_GB=10, used={"VCPU": 3})
CARD = provider("card", "host", "GOLD", VGPU=4, VCPU=2)
DISKS = provider("disks", traits=SHARES, aggregates="a", DISK_GB=100)
ANCHOR = Anchor(tree(HOST, CARD), (DISKS,), ("disks",), ("",))
QUERY = query(
    group("_gpu", VGPU=2, VCPU=1),
    group(VCPU=2, DISK_GB=5, required="GOLD"),
    policy="isolate",
    same_subtree=(("_gpu",),),
)


def problem(**changes: bool) -> Problem | None:
    return problem_of(ANCHOR, QUERY, **{"tree_path": True, "from_root": True, "quirks": False} | changes)


def test_the_spread_group_comes_first_a_class_at_a_time_and_by_name() -> None:
    found = problem()
    assert found is not None
    assert found.variables == (
        Variable("", (("DISK_GB", 5),), (0, 2), granular=False),
        Variable("", (("VCPU", 2),), (0, 1), granular=False),
        Variable("_gpu", (("VCPU", 1), ("VGPU", 2)), (1,), granular=True),
    )
    assert found.providers == (HOST, CARD, DISKS)
    assert found.parents == (-1, 0, -1)
    assert found.rooms == ({"DISK_GB": 10, "VCPU": 5}, {"VCPU": 2, "VGPU": 4}, {"DISK_GB": 100})
    assert (found.wanted, found.covers, found.subtrees) == (1, (0, 1, 0), ((2,),))
    assert (found.isolate, found.from_root) == (True, True)


def test_off_the_tree_path_one_provider_serves_the_unsuffixed_group() -> None:
    assert problem(tree_path=False) is None
    flat = provider("flat", traits="GOLD", VCPU=8, DISK_GB=10)
    wanted = query(group(VCPU=2, DISK_GB=5, required="GOLD"))
    found = problem_of(Anchor(tree(flat)), wanted, tree_path=False, from_root=True, quirks=False)
    assert found is not None
    assert found.variables == (Variable("", (("DISK_GB", 5), ("VCPU", 2)), (0,), granular=False),)
    assert found.wanted == 0


def test_a_tree_may_be_named_by_any_of_its_providers() -> None:
    wanted = query(group(VCPU=1, in_tree="card"), group("1", VGPU=1, in_tree="host"))
    found = problem_of(ANCHOR, wanted, tree_path=True, from_root=False, quirks=False)
    assert found is not None
    assert [variable.options for variable in found.variables] == [(0, 1), (1,)]
    other = query(group(VCPU=1, in_tree="elsewhere"))
    assert problem_of(ANCHOR, other, tree_path=True, from_root=False, quirks=False) is None


def test_a_candidate_adds_up_what_groups_take_from_one_provider() -> None:
    found = problem()
    assert found is not None
    assert candidate_of(found, (2, 1, 1)) == Candidate(
        (("card", (("VCPU", 3), ("VGPU", 2))), ("disks", (("DISK_GB", 5),))),
        (("", ("card", "disks")), ("_gpu", ("card",))),
    )
