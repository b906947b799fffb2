"""Queries read from URL parameters and written as nova writes them."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.model.candidates import CandidateQuery, RequestGroup
from engine.placement.query_text import limit_of, query_of, query_text
from tests.placement.builders import group, query

A = "00000000-0000-4000-8000-00000000000a"
B = "00000000-0000-4000-8000-00000000000b"


def test_all_that_nova_sends_is_read() -> None:
    params = [
        ("limit", "1000"),
        ("group_policy", "isolate"),
        ("root_required", "OWNER_NOVA,!COMPUTE_STATUS_DISABLED"),
        ("same_subtree", "_b,_a"),
        ("resources", "VCPU:2,DISK_GB:10"),
        ("required", "GOLD,!SLOW"),
        ("member_of", f"in:{A},{B}"),
        ("member_of", A),
        ("member_of", f"!in:{B}"),
        ("in_tree", f" {A} "),
        ("resources_a", "VGPU:1"),
        ("required_b", "HW_NUMA_ROOT"),
    ]
    assert query_of(params, (1, 36)) == query(
        group(
            VCPU=2,
            DISK_GB=10,
            required="GOLD",
            forbidden="SLOW",
            member_of=frozenset({frozenset({A, B}), frozenset({A})}),
            forbidden_aggregates=frozenset({B}),
            in_tree=A,
        ),
        group("_a", VGPU=1),
        group("_b", required="HW_NUMA_ROOT"),
        policy="isolate",
        same_subtree=(("_a", "_b"),),
        root_required=frozenset({"OWNER_NOVA"}),
        root_forbidden=frozenset({"COMPUTE_STATUS_DISABLED"}),
    )
    assert limit_of(params) == 1000
    assert limit_of(params[1:]) is None


def test_any_of_several_traits_may_be_repeated_from_1_39_on() -> None:
    params = [("resources", "VCPU:1"), ("required", "in:A,B"), ("required", "C,!D"), ("required", "in:E")]
    expected = group(VCPU=1, required="C E", forbidden="D", any_of=frozenset({frozenset({"A", "B"})}))
    assert query_of(params).groups == (expected,)


def test_before_1_39_the_last_of_repeated_traits_counts() -> None:
    params = [("resources", "VCPU:1"), ("required", "A,!B"), ("required", "C")]
    assert query_of(params, (1, 38)).groups == (group(VCPU=1, required="C"),)


def test_the_last_of_repeated_resources_counts() -> None:
    params = [("resources", "VCPU:1"), ("resources", "VCPU:2"), ("resources1", "VGPU: 1")]
    assert query_of(params, (1, 28)).groups == (group(VCPU=2), group("1", VGPU=1))


@pytest.mark.parametrize(
    ("params", "microversion"),
    [
        ([], (1, 39)),
        ([("resources", "")], (1, 39)),
        ([("resources", "VCPU")], (1, 39)),
        ([("resources", "VCPU:0")], (1, 39)),
        ([("resources", "VCPU:-1")], (1, 39)),
        ([("resources", "VCPU:1.5")], (1, 39)),
        ([("resources", "VCPU:1:1")], (1, 39)),
        ([("resources", "VCPU:" + "9" * 5000)], (1, 39)),
        ([("resources", "VCPU:1"), ("limit", "0")], (1, 39)),
        ([("resources", "VCPU:1"), ("limit", "-5")], (1, 39)),
        ([("resources", "VCPU:1"), ("limit", "9" * 5000)], (1, 39)),
        ([("resources", "VCPU:1"), ("group_policy", "maybe")], (1, 39)),
        ([("resources", "VCPU:1"), ("colour", "red")], (1, 39)),
        ([("resources", "VCPU:1"), ("required", "")], (1, 39)),
        ([("resources", "VCPU:1"), ("required", "A,,B")], (1, 39)),
        ([("resources", "VCPU:1"), ("required", "!")], (1, 39)),
        ([("resources", "VCPU:1"), ("required", "in:A,!B")], (1, 39)),
        ([("resources", "VCPU:1"), ("required", "in:A,B")], (1, 38)),
        ([("resources", "VCPU:1"), ("required", "in:")], (1, 39)),
        ([("resources", "VCPU:1"), ("required", "A,!A")], (1, 39)),
        ([("resources", "VCPU:1"), ("member_of", "gold")], (1, 39)),
        ([("resources", "VCPU:1"), ("member_of", f"{A},{B}")], (1, 39)),
        ([("resources", "VCPU:1"), ("member_of", f"!{A}")], (1, 31)),
        ([("resources", "VCPU:1"), ("in_tree", "host")], (1, 39)),
        ([("resources", "VCPU:1"), ("in_tree", A)], (1, 30)),
        ([("resources", "VCPU:1"), ("root_required", "A")], (1, 34)),
        ([("resources", "VCPU:1"), ("root_required", "A"), ("root_required", "B")], (1, 39)),
        ([("resources", "VCPU:1"), ("root_required", "in:A,B")], (1, 39)),
        ([("resources", "VCPU:1"), ("root_required", "A,!A")], (1, 39)),
        ([("resources", "VCPU:1"), ("same_subtree", "")], (1, 36)),
        ([("resources_A", "VCPU:1"), ("same_subtree", "_A")], (1, 35)),
        ([("resources_A", "VCPU:1")], (1, 32)),
        ([("resources0", "VCPU:1")], (1, 32)),
        ([("resources_A!", "VCPU:1")], (1, 39)),
        ([("resources" + "x" * 65, "VCPU:1")], (1, 39)),
        ([("resources", "VCPU:1"), ("required1", "A")], (1, 35)),
        ([("resources1", "VCPU:1"), ("resources2", "VCPU:1")], (1, 39)),
        ([("resources", "VCPU:1")], (1, 24)),
    ],
)
def test_what_placement_answers_400_to_is_refused(params: list[tuple[str, str]], microversion: tuple[int, int]) -> None:
    with pytest.raises(InvalidRequestError):
        query_of(params, microversion)


def test_unknown_names_are_refused_where_the_known_ones_are_given() -> None:
    params = [("resources", "VCPU:1"), ("required", "in:GOLD,FAST"), ("root_required", "!SLOW")]
    known = {"GOLD", "FAST", "SLOW"}
    assert query_of(params, traits=known, resource_classes={"VCPU"}) == query_of(params)
    with pytest.raises(InvalidRequestError, match="SLOW"):
        query_of(params, traits=known - {"SLOW"})
    with pytest.raises(InvalidRequestError, match="FAST"):
        query_of(params, traits=known - {"FAST"})
    with pytest.raises(InvalidRequestError, match="VCPU"):
        query_of(params, resource_classes={"PCPU"})


@given(st.lists(st.tuples(st.sampled_from(["resources", "required", "member_of", "in_tree", "limit"]), st.text())))
def test_any_text_is_read_or_refused(params: list[tuple[str, str]]) -> None:
    try:
        query_of(params)
    except InvalidRequestError as error:
        assert error.message


def test_the_text_is_novas() -> None:
    wanted = query(
        group(VCPU=2, MEMORY_MB=512, required="B A", forbidden="C", forbidden_aggregates=frozenset({B, A}), in_tree=A),
        group("_x", VGPU=1, member_of=frozenset({frozenset({B, A}), frozenset({B})})),
        policy="none",
        same_subtree=(("_x",),),
        root_required=frozenset({"OWNER_NOVA"}),
        root_forbidden=frozenset({"COMPUTE_STATUS_DISABLED"}),
    )
    assert query_text(wanted, 1000) == (
        f"group_policy=none&in_tree={A}&limit=1000&member_of=%21in%3A{A}%2C{B}"
        f"&member_of_x=in%3A{A}%2C{B}&member_of_x=in%3A{B}&required=A%2CB%2C%21C"
        "&resources=MEMORY_MB%3A512%2CVCPU%3A2&resources_x=VGPU%3A1"
        "&root_required=OWNER_NOVA%2C%21COMPUTE_STATUS_DISABLED&same_subtree=_x"
    )
    assert query_text(query(group(VCPU=1), policy="")) == "resources=VCPU%3A1"


names = st.frozensets(st.sampled_from(["A", "B", "C"]), max_size=2)
aggregates = st.frozensets(st.sampled_from([A, B]), min_size=1)


@st.composite
def written(draw: st.DrawFn) -> CandidateQuery:
    groups = []
    for suffix in draw(st.permutations(["", "_1", "_two"]))[: draw(st.integers(1, 3))]:
        required = draw(names)
        groups.append(
            RequestGroup(
                suffix,
                tuple(
                    sorted(draw(st.dictionaries(st.sampled_from(["VCPU", "VGPU"]), st.integers(1), min_size=1)).items())
                ),
                required,
                draw(names) - required,
                draw(st.sampled_from([frozenset(), frozenset({frozenset({"D", "E"})})])),
                draw(st.frozensets(aggregates, max_size=2)),
                draw(st.just(frozenset()) | aggregates),
                draw(st.sampled_from(["", A])),
            )
        )
    return CandidateQuery(tuple(sorted(groups, key=lambda g: g.suffix)), draw(st.sampled_from(["none", "isolate"])))


@given(written(), st.none() | st.integers(1, 10**6))
def test_what_is_written_is_read_back(wanted: CandidateQuery, limit: int | None) -> None:
    params = parse_qsl(query_text(wanted, limit))
    assert params == sorted(params)
    back = query_of(params)
    assert sorted(back.groups, key=lambda g: g.suffix) == list(wanted.groups)
    assert (back.group_policy, limit_of(params)) == (wanted.group_policy, limit)
