"""Which provider may serve a group: traits, aggregates, trees, and placement's mistakes with empty groups."""

from __future__ import annotations

import pytest

from engine.model.candidates import Provider, RequestGroup
from engine.placement.capacity import stock
from engine.placement.eligibility import may_contribute, root_allows, serves_alone
from tests.placement.builders import group, provider, query

DEVICE = provider("device", "host", "GOLD FAST", "a b", VGPU=4)
HOST = provider("host", "", "OWNER", "c", VCPU=8)


def alone(wanted: RequestGroup, *, quirks: bool = False, one: Provider = DEVICE) -> bool:
    return serves_alone(one, stock(one), "host", wanted, quirks=quirks)


@pytest.mark.parametrize(
    ("wanted", "serves"),
    [
        (group("1", VGPU=4), True),
        (group("1", VGPU=5), False),
        (group("1", VGPU=1, VCPU=1), False),
        (group("1", VGPU=1, required="GOLD FAST"), True),
        (group("1", VGPU=1, required="GOLD OWNER"), False),
        (group("1", VGPU=1, forbidden="FAST"), False),
        (group("1", VGPU=1, any_of=frozenset({frozenset({"GOLD", "SILVER"})})), True),
        (group("1", VGPU=1, any_of=frozenset({frozenset({"SILVER", "OWNER"})})), False),
        (group("1", VGPU=1, member_of=frozenset({frozenset({"a", "x"}), frozenset({"b"})})), True),
        (group("1", VGPU=1, member_of=frozenset({frozenset({"a"}), frozenset({"x"})})), False),
        (group("1", VGPU=1, member_of=frozenset({frozenset({"c"})})), False),
        (group("1", VGPU=1, forbidden_aggregates=frozenset({"b", "z"})), False),
        (group("1", VGPU=1, forbidden_aggregates=frozenset({"c"})), True),
        (group("1", VGPU=1, in_tree="host"), True),
        (group("1", VGPU=1, in_tree="elsewhere"), False),
    ],
)
def test_one_provider_must_meet_all_of_a_suffixed_group_itself(wanted: RequestGroup, serves: bool) -> None:
    assert alone(wanted) is serves
    assert alone(wanted, quirks=True) is serves


def test_placement_finds_nobody_for_a_group_that_only_forbids() -> None:
    wanted = group("1", forbidden="SILVER")
    assert alone(wanted)
    assert not alone(wanted, quirks=True)


def test_placement_overlooks_the_tree_of_a_group_without_resources() -> None:
    wanted = group("1", required="GOLD", in_tree="elsewhere")
    assert not alone(wanted)
    assert alone(wanted, quirks=True)


@pytest.mark.parametrize(
    ("wanted", "own", "may"),
    [
        (group(VGPU=1, member_of=frozenset({frozenset({"c"})})), True, True),
        (group(VGPU=1, member_of=frozenset({frozenset({"c"})})), False, False),
        (group(VGPU=1, member_of=frozenset({frozenset({"a"})})), False, True),
        (group(VGPU=1, member_of=frozenset({frozenset({"a"}), frozenset({"c"})})), True, False),
        (group(VGPU=1, forbidden_aggregates=frozenset({"c"})), True, False),
        (group(VGPU=1, forbidden_aggregates=frozenset({"a"})), True, False),
        (group(VGPU=1, in_tree="host"), True, True),
        (group(VGPU=1, in_tree="host"), False, False),
        (group(VGPU=1, in_tree="elsewhere"), True, False),
        (group(VGPU=1, required="NOBODY"), True, True),
        (group(VGPU=1, forbidden="GOLD"), True, False),
    ],
)
def test_a_contributor_may_stand_in_its_roots_aggregates(wanted: RequestGroup, own: bool, may: bool) -> None:
    assert may_contribute(DEVICE, HOST, wanted, own=own) is may


def test_root_traits_are_the_roots_alone() -> None:
    assert root_allows(HOST, query(root_required=frozenset({"OWNER"}), root_forbidden=frozenset({"GOLD"})))
    assert not root_allows(HOST, query(root_required=frozenset({"GOLD"})))
    assert not root_allows(HOST, query(root_forbidden=frozenset({"OWNER"})))
