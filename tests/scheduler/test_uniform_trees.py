"""A count of rooms says of every tree what placement's search says, and leaves to the search what it cannot say."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import NoValidHostError
from engine.inventory.check import check_invariants
from engine.inventory.profiles import Numbering
from engine.inventory.provider_shapes import tree_shape, whole_tree
from engine.inventory.table import HostTable
from engine.inventory.usage import assigned_amounts
from engine.model.candidates import CandidateQuery, Provider, ProviderTree, RequestGroup
from engine.model.resources import ResourceInventory
from engine.placement.candidates import first_candidate
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.uniform_trees import TreeAsk, TreeRooms, tree_ask
from tests.builders import fleet, host_table, request, selector
from tests.devices import child, inventory, tree

GPU = "CUSTOM_GPU_MILLI"
ROOT = Provider(
    "root",
    inventories=(("MEMORY_MB", inventory(4096)), ("VCPU", inventory(64))),
    traits=frozenset({"HW_CPU_X86_AVX2"}),
)
WHOLE = RequestGroup("", (("MEMORY_MB", 512), ("VCPU", 2)))

inventories = st.builds(
    ResourceInventory,
    total=st.sampled_from((0, 300, 1000, 4000)),
    reserved=st.sampled_from((0, 0, 100)),
    allocation_ratio=st.sampled_from((1.0, 1.0, 0.5, 1.5)),
    min_unit=st.sampled_from((1, 1, 1, 200)),
    max_unit=st.sampled_from((None, None, 500, 5000)),
    step_size=st.sampled_from((1, 1, 1, 50)),
)


@st.composite
def trees(draw: st.DrawFn) -> tuple[ProviderTree | None, tuple[tuple[str, str], ...]]:
    """The shape of a tree of up to six providers, some below others, some with further classes, and their names."""
    children = []
    for number in range(draw(st.integers(0, 6))):
        held = {GPU: draw(inventories)} if draw(st.integers(0, 3)) else {}
        if not draw(st.integers(0, 5)):
            held["CUSTOM_OTHER"] = inventory(8)
        if not draw(st.integers(0, 20)):
            held["VCPU"] = inventory(4)
        parent = draw(st.sampled_from(("", *(f"p{each}" for each in range(number)))))
        used = ((GPU, draw(st.sampled_from((0, 100, 500, 999, 1200)))),) if GPU in held else ()
        children.append(Provider(f"p{number}", parent=parent, inventories=tuple(sorted(held.items())), used=used))
    extra = {GPU: draw(inventories)} if not draw(st.integers(0, 4)) else {}
    return tree_shape("root", extra, children)


@st.composite
def queries(draw: st.DrawFn) -> CandidateQuery:
    """Up to four groups of one class, of equal or different amounts, apart or not."""
    amounts = draw(st.lists(st.sampled_from((1, 100, 300, 450, 1000)), min_size=1, max_size=4))
    if draw(st.booleans()):
        amounts = amounts[:1] * len(amounts)
    groups = [RequestGroup(str(number), ((GPU, amount),)) for number, amount in enumerate(amounts, 1)]
    return CandidateQuery((WHOLE, *groups), draw(st.sampled_from(("none", "isolate"))))


@settings(max_examples=200, deadline=None)
@given(shape=trees(), query=queries())
def test_where_rooms_tell_all_a_tree_serves_what_the_search_finds_a_candidate_for(
    shape: tuple[ProviderTree | None, tuple[tuple[str, str], ...]], query: CandidateQuery
) -> None:
    ask, numbering = tree_ask((query,)), Numbering[ProviderTree | None]([None], {None: 0})
    if ask is None:
        amounts = {amount for group in query.groups[1:] for _, amount in group.resources}
        assert query.group_policy == "none"
        assert len(amounts) > 1
        return
    codes = np.array([numbering.code(shape[0])], dtype=np.int32)
    rooms = TreeRooms(GPU)
    served = bool(ask.served_by(rooms.of(numbering, codes))[0])
    whole = whole_tree(ROOT, *shape)
    found = first_candidate(whole, (), query, tree_path=True, from_root=True)
    if rooms.tell_all(numbering, codes)[0]:
        assert served is (found is not None)
    else:
        given = [dict(item.inventories) for item in whole.providers]
        odd = [held[GPU] for held in given if GPU in held]
        assert any("VCPU" in held for held in given[1:]) or any(item.min_unit > 1 or item.step_size > 1 for item in odd)


@pytest.mark.parametrize(
    "change",
    [
        lambda query: replace(query, same_subtree=(("1", "2"),)),
        lambda query: replace(query, groups=query.groups[1:]),
        lambda query: replace(query, groups=query.groups[:1]),
        lambda query: replace(query, groups=(replace(WHOLE, in_tree="u"), *query.groups[1:])),
        lambda query: replace(query, groups=(replace(WHOLE, resources=(("CUSTOM_A", 1),)), *query.groups[1:])),
        lambda query: replace(query, groups=(*query.groups, RequestGroup("3", (("CUSTOM_A", 1),)))),
        lambda query: replace(query, groups=(*query.groups, RequestGroup("3", ((GPU, 2**31),)))),
        lambda query: replace(query, groups=(*query.groups, RequestGroup("3", ((GPU, 1), ("VGPU", 1))))),
        lambda query: replace(query, groups=(WHOLE, RequestGroup("1", (("VCPU", 1),)))),
        lambda query: replace(query, groups=(WHOLE, RequestGroup("1", ((GPU, 1),), required=frozenset({"T"})))),
        lambda query: replace(query, groups=(*query.groups, RequestGroup("3", ((GPU, 7),)))),
    ],
)
def test_queries_that_bind_more_than_amounts_are_left_to_the_search(change: object) -> None:
    query = CandidateQuery((WHOLE, RequestGroup("1", ((GPU, 300),)), RequestGroup("2", ((GPU, 300),))), "none")
    assert tree_ask((query,)) == TreeAsk(GPU, (300, 300), False)
    assert tree_ask((change(query),)) is None  # type: ignore[operator]
    assert tree_ask((query, query)) is None
    assert tree_ask(()) is None


def test_a_tree_of_more_providers_than_are_counted_is_searched() -> None:
    numbering = Numbering[ProviderTree | None]([None], {None: 0})
    for many in (64, 65):
        shape, _ = tree_shape("root", {}, [child(f"{number}", {GPU: 1000}) for number in range(many)])
        numbering.code(shape)
    rooms = TreeRooms(GPU)
    codes = np.array([0, 1, 2], dtype=np.int32)
    assert rooms.tell_all(numbering, codes).tolist() == [True, True, False]
    assert (rooms.of(numbering, codes) == 1000).sum(axis=1).tolist() == [0, 64, 0]
    assert rooms.capacities(numbering, codes).tolist() == [[0, 0], [64_000, 1000], [0, 0]]


def test_rooms_are_learnt_anew_of_another_numbering() -> None:
    one, other = (Numbering[ProviderTree | None]([None], {None: 0}) for _ in range(2))
    one.code(tree_shape("root", {}, [child("a", {GPU: 1000})])[0])
    other.code(tree_shape("root", {}, [child("a", {GPU: 300})])[0])
    rooms, codes = TreeRooms(GPU), np.array([1], dtype=np.int32)
    assert [int(rooms.of(numbering, codes).max()) for numbering in (one, other, one)] == [1000, 300, 1000]


# -- selections --------------------------------------------------------------------------------------------------------

CHAIN = Chain.from_options(SchedulerOptions(enabled_filters=("ComputeFilter",), weight_classes=("CPUWeigher",)))


def random_host(rng: random.Random, number: int) -> dict[str, object]:
    """A host of some GPUs, now and then one that columns or counts cannot tell."""
    facts: dict[str, object] = {"vcpus": rng.choice((2, 8, 64)), "cpu_allocation_ratio": 1.0, "disk_gb": 10}
    many = rng.choice((0, 1, 2, 4))
    cards = [child(f"h{number}-g{each}", {GPU: 1000}, used=rng.choice((0, 0, 300))) for each in range(many)]
    if many and rng.random() < 0.2:
        stepped = ResourceInventory(1000, max_unit=1000, step_size=250)
        cards[0] = replace(cards[0], inventories=((GPU, stepped),), used=())
    if rng.random() < 0.2:
        facts["traits"] = ["HW_CPU_X86_AVX2"]
    return facts | tree(*cards) if cards else facts


def shares(rng: random.Random, amount: int, many: int) -> dict[str, str]:
    """Extra specs for some of each of several GPUs."""
    asked = {f"resources{number}:{GPU}": str(amount) for number in range(1, many + 1)}
    asked |= {"trait:HW_CPU_X86_AVX2": "required"} if rng.random() < 0.2 else {}
    return asked | ({"group_policy": rng.choice(("none", "isolate"))} if many > 1 else {})


def passing_by_search(table: HostTable, spec: object, of: object) -> list[int]:
    """The rows of which placement's search finds a candidate, each asked alone."""
    demand = of.demand(spec)  # type: ignore[attr-defined]
    found = []
    for row in table.present_rows().tolist():
        tree_of_row, query = table.provider_tree(row), demand.queries[0]
        if first_candidate(tree_of_row, (), query, tree_path=table.has_nested_or_sharing, from_root=True):
            found.append(row)
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), many=st.sampled_from((1, 6, 40)))
def test_selections_take_hosts_that_the_search_finds_candidates_of_and_refuse_where_it_finds_none(
    seed: int, many: int
) -> None:
    rng = random.Random(seed)
    table = host_table([random_host(rng, number) for number in range(many)])
    of = selector(table, CHAIN)
    kinds = [(2, 300, 1), (1, 1000, 1), (1, 450, 2), (4, 1000, 2), (1, 250, 1)]
    specs = [request(vcpus=vcpus, extra_specs=shares(rng, amount, count)) for vcpus, amount, count in kinds]
    held = []
    for _ in range(25):
        spec = rng.choice(specs)
        able = passing_by_search(table, spec, of)
        try:
            (chosen,) = of.select(spec)
        except NoValidHostError:
            assert able == []
        else:
            free = table.columns["vcpu_free"][able] + 0
            free[able.index(chosen.row)] += spec.flavor.vcpus
            # the weigher prefers free CPUs, so that a host wrongly left out is noticed
            assert chosen.row == able[int(np.argmax(free))]
            held.append((spec, chosen))
        if held and rng.random() < 0.3:
            spec, chosen = held.pop(rng.randrange(len(held)))
            uuid = table.identity.uuids[chosen.row]
            amounts = assigned_amounts(of.demand(spec).amounts, chosen.assignment, uuid)
            table.apply(chosen.row, -1, amounts, chosen.assignment)
        if rng.random() < 0.1:
            number = rng.randrange(many)
            if not any(chosen.row == number for _, chosen in held):
                table.upsert(fleet([{"host_id": f"h{number}", **random_host(rng, number)}]))
    assert check_invariants(table) == []


def test_hosts_of_different_trees_that_suffice_are_searched_once_in_all() -> None:
    hosts = [
        {"disk_gb": 10, **tree(*(child(f"{row}-{each}", {GPU: 300 + row}) for each in range(2)))} for row in range(60)
    ]
    of = selector(host_table(hosts), CHAIN)
    assert len({int(code) for code in of.table.columns["tree"][:60]}) == 60
    of.select(request(extra_specs={f"resources1:{GPU}": "330"}), steps=[], claim=False)
    assert of.verdicts.evaluated == 1
