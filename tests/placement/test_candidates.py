"""Candidates of deployments and of one host: agreement with trying everything, order, and what a caller refuses."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.model.candidates import SHARES, Candidate, CandidateQuery, Provider, ProviderTree, RequestGroup
from engine.model.resources import ResourceInventory
from engine.placement.candidates import candidates, first_candidate
from engine.placement.deployment import Deployment, deployment_of
from tests.placement.builders import group, provider, query, tree
from tests.placement.reference import all_candidates, tree_candidates

CLASSES = ("VCPU", "DISK_GB", "VGPU")
TRAITS = ("GOLD", "FAST")
AGGREGATES = ("a", "b")

some_traits = st.frozensets(st.sampled_from(TRAITS), max_size=2)
some_aggregates = st.frozensets(st.sampled_from(AGGREGATES), max_size=1)
inventories = st.builds(
    ResourceInventory,
    total=st.integers(1, 4),
    reserved=st.integers(0, 1),
    allocation_ratio=st.sampled_from([1.0, 1.0, 1.5]),
    max_unit=st.sampled_from([None, None, 2]),
    step_size=st.sampled_from([1, 1, 2]),
)


@st.composite
def deployments(draw: st.DrawFn) -> Deployment:
    """Draw up to three trees of up to four providers, and sharing providers on their own."""
    providers: list[Provider] = []
    kind = draw(st.sampled_from(["flat", "trees", "sharing", "both"]))
    for root in range(draw(st.integers(1, 3))):
        members: list[str] = []
        for number in range(draw(st.integers(1, 4)) if kind in ("trees", "both") else 1):
            uuid = f"{root}.{number}"
            held = draw(st.dictionaries(st.sampled_from(CLASSES), inventories, max_size=3))
            used = {name: draw(st.integers(0, 2)) for name in held}
            parent = draw(st.sampled_from(members)) if members else ""
            providers.append(_provider(uuid, parent, held, used, draw(some_traits), draw(some_aggregates)))
            members.append(uuid)
    for number in range(draw(st.integers(1, 2)) if kind in ("sharing", "both") else 0):
        held = {"DISK_GB": ResourceInventory(draw(st.integers(2, 6)))}
        traits = draw(some_traits) | {SHARES}
        providers.append(_provider(f"s{number}", "", held, {}, traits, draw(some_aggregates)))
    return deployment_of(providers)


def _provider(uuid, parent, held, used, traits, aggregates) -> Provider:  # type: ignore[no-untyped-def]
    return Provider(uuid, uuid, parent, tuple(sorted(held.items())), traits, aggregates, tuple(sorted(used.items())))


@st.composite
def queries(draw: st.DrawFn) -> CandidateQuery:
    """Draw a query that placement takes: an unsuffixed group or none, and up to three suffixed ones."""
    suffixes = draw(st.lists(st.sampled_from(["_a", "_b", "_c"]), unique=True, max_size=3))
    bound = tuple(draw(st.lists(st.sampled_from(suffixes), unique=True))) if suffixes else ()
    groups = []
    if draw(st.booleans()) or not suffixes:
        groups.append(draw(request_groups("", at_least=1)))
    for suffix in suffixes:
        asked_already = any(each.resources for each in groups)
        bare = suffix in bound and (asked_already or suffix != suffixes[-1])
        groups.append(draw(request_groups(suffix, at_least=0 if bare else 1)))
    draw(st.randoms()).shuffle(groups)
    return CandidateQuery(
        tuple(groups),
        draw(st.sampled_from(["none", "isolate"])),
        (bound,) if bound else (),
        draw(st.sampled_from([frozenset(), frozenset(), frozenset({"GOLD"})])),
        draw(st.sampled_from([frozenset(), frozenset(), frozenset({"FAST"})])),
    )


def request_groups(suffix: str, at_least: int) -> st.SearchStrategy[RequestGroup]:
    amounts = st.dictionaries(st.sampled_from(CLASSES), st.integers(1, 2), min_size=at_least, max_size=2)
    rarely = st.sampled_from([frozenset(), frozenset(), frozenset(), frozenset({"GOLD"})])
    return st.builds(
        lambda wanted, required, forbidden, any_of, member_of, forbidden_aggregates, in_tree: RequestGroup(
            suffix,
            tuple(sorted(wanted.items())),
            required,
            forbidden - required,
            any_of,
            member_of,
            forbidden_aggregates,
            in_tree,
        ),
        amounts,
        rarely,
        rarely,
        st.sampled_from([frozenset(), frozenset(), frozenset({frozenset(TRAITS)})]),
        st.sampled_from([frozenset(), frozenset(), frozenset({frozenset({"a"})}), frozenset({frozenset("ab")})]),
        st.sampled_from([frozenset(), frozenset(), frozenset({"b"})]),
        st.sampled_from(["", "", "", "0.0", "0.1", "nowhere"]),
    )


def asked(one: ProviderTree, sharing: list[Provider], wanted: CandidateQuery, **rest: object) -> list[Candidate]:
    """Return all candidates that a caller who refuses each is asked about, in order."""
    seen: list[Candidate] = []

    def refuse(candidate: Candidate) -> bool:
        seen.append(candidate)
        return False

    assert first_candidate(one, sharing, wanted, accept=refuse, **rest) is None  # type: ignore[arg-type]
    return seen


@settings(max_examples=150, deadline=None)
@given(deployments(), queries())
def test_the_candidates_are_those_that_trying_everything_finds_each_once(
    whole: Deployment, wanted: CandidateQuery
) -> None:
    found = list(candidates(whole, wanted))
    assert set(found) == all_candidates(list(whole.trees), wanted)
    assert len(set(found)) == len(found)


@settings(max_examples=150, deadline=None)
@given(deployments(), queries(), st.booleans())
def test_a_host_has_a_first_candidate_exactly_when_it_has_any(
    whole: Deployment, wanted: CandidateQuery, from_root: bool
) -> None:
    trees = [each for each in whole.trees if SHARES not in each.root.traits]
    sharing = [each.root for each in whole.trees if SHARES in each.root.traits]
    for one in trees:
        known = {provider.uuid for provider in one.providers}
        if any(g.in_tree and g.in_tree not in known for g in wanted.groups):
            continue
        right = tree_candidates(one, list(whole.trees), wanted)
        right = {each for each in right if not from_root or one.root.uuid in dict(each.allocations)}
        path = whole.has_trees_or_sharing
        first = first_candidate(one, sharing, wanted, tree_path=path, from_root=from_root)
        assert first in right if right else first is None
        in_order = first_candidate(one, sharing, wanted, tree_path=path, from_root=from_root, accept=lambda _: True)
        assert first == in_order
        seen = asked(one, sharing, wanted, tree_path=path, from_root=from_root)
        assert (set(seen), len(seen)) == (right, len(right))


@settings(max_examples=100, deadline=None)
@given(deployments(), queries())
def test_asking_about_alike_providers_once_finds_all_combinations_of_kinds(
    whole: Deployment, wanted: CandidateQuery
) -> None:
    one = whole.trees[0]
    kind = {provider.uuid: number % 2 for number, provider in enumerate(one.providers)}.get

    def kinds(candidate: Candidate) -> tuple[object, ...]:
        return tuple((suffix, tuple(sorted(map(str, map(kind, uuids))))) for suffix, uuids in candidate.mappings)

    rest = {"tree_path": True, "from_root": False}
    everything = asked(one, [], wanted, **rest)
    some = asked(one, [], wanted, kind=lambda p: kind(p.uuid), **rest)
    assert set(some) <= set(everything)
    assert {kinds(each) for each in some} == {kinds(each) for each in everything}
    assert some[:1] == everything[:1]


HOST = provider("host", VCPU=4, DISK_GB=10)
UNITS = tuple(provider(f"unit{number}", "host", VGPU=1) for number in range(4))


def first(wanted: CandidateQuery, *children: Provider, **rest: object) -> Candidate | None:
    return first_candidate(tree(HOST, *children), (), wanted, tree_path=True, from_root=True, **rest)  # type: ignore[arg-type]


def test_the_order_is_the_trees_the_last_group_changing_fastest() -> None:
    wanted = query(group(VCPU=1), group("_1", VGPU=1), group("_2", VGPU=1))
    found = [dict(each.mappings) for each in candidates(Deployment((tree(HOST, *UNITS[:3]),)), wanted)]
    places = [(each["_1"][0], each["_2"][0]) for each in found]
    assert places == sorted(places)
    assert len(places) == 6
    assert all(one < other for one, other in pairwise(places))


def test_what_a_caller_refuses_is_not_offered_again_for_devices_of_the_same_kind() -> None:
    wanted = query(group(VCPU=1), group("_1", VGPU=1), group("_2", VGPU=1))
    asked: list[tuple[str, ...]] = []

    def second_cell(candidate: Candidate) -> bool:
        mappings = dict(candidate.mappings)
        asked.append((mappings["_1"][0], mappings["_2"][0]))
        return {"unit2", "unit3"} == set(asked[-1])

    found = first(wanted, *UNITS, accept=second_cell, kind=lambda p: p.uuid in ("unit2", "unit3"))
    assert found is not None
    assert asked == [("unit0", "unit1"), ("unit0", "unit2"), ("unit2", "unit0"), ("unit2", "unit3")]


def test_a_host_that_gives_nothing_itself_is_not_seen_by_nova() -> None:
    wanted = query(group("_1", VGPU=1))
    assert first(wanted, *UNITS) is None
    seen = first_candidate(tree(HOST, *UNITS), (), wanted, tree_path=True, from_root=False)
    assert seen == Candidate((("unit0", (("VGPU", 1),)),), (("_1", ("unit0",)),))


def test_a_required_trait_counts_only_on_a_provider_that_gives_something() -> None:
    gold_parent = tree(provider("root", traits="GOLD"), provider("node", "root", VCPU=4))
    wanted = query(group(VCPU=1, required="GOLD"))
    assert list(candidates(Deployment((gold_parent,)), wanted)) == []


def test_groups_on_one_provider_share_its_room_but_not_its_smallest_piece() -> None:
    card = provider("card", "host", VGPU=ResourceInventory(8, min_unit=2, max_unit=4, step_size=2))
    assert first(query(group(VCPU=1), group("_1", VGPU=2), group("_2", VGPU=2)), card) is not None
    assert first(query(group(VCPU=1), group("_1", VGPU=4), group("_2", VGPU=2)), card) is None


def test_before_trees_were_known_a_candidate_takes_from_one_provider_of_a_tree() -> None:
    whole = Deployment((tree(HOST, provider("node", "host", DISK_GB=10)),))
    wanted = query(group(VCPU=1, DISK_GB=1))
    assert len(list(candidates(whole, wanted))) == 2
    (alone,) = candidates(whole, wanted, microversion=(1, 28))
    assert alone.allocations == (("host", (("DISK_GB", 1), ("VCPU", 1))),)


def test_one_shared_answer_for_several_trees_is_given_once_and_serves_them_all() -> None:
    disks = provider("disks", traits=SHARES, aggregates="a", DISK_GB=100)
    hosts = [tree(provider(f"host{number}", aggregates="a", VCPU=4)) for number in range(2)]
    whole = Deployment((*hosts, tree(disks)))
    assert len(list(candidates(whole, query(group(DISK_GB=5))))) == 1
    both = list(candidates(whole, query(group(DISK_GB=5), group("_1", VCPU=1))))
    assert [each.allocations[1][0] for each in both] == ["host0", "host1"]


def test_a_query_that_placement_refuses_is_refused() -> None:
    refused = query(group("_1", VGPU=1), group("_2", VGPU=1), policy="")
    with pytest.raises(InvalidRequestError, match="group_policy"):
        next(candidates(Deployment(()), refused))


def test_without_providers_there_are_no_candidates() -> None:
    assert list(candidates(Deployment(()), query(group(VCPU=1)))) == []
    assert (
        first_candidate(ProviderTree((HOST,)), (), query(group(VCPU=10**30)), tree_path=False, from_root=True) is None
    )
