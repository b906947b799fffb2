"""Trees in an order drawn by chance are still trees, and every order may come."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from engine.model.candidates import Provider, ProviderTree
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.shuffled_trees import shuffled, shuffled_tree
from tests.builders import host_table, request, selector
from tests.devices import child, tree

GPU = "CUSTOM_GPU_MILLI"


@given(parents=st.lists(st.integers(-1, 20), max_size=12), seed=st.integers(0, 2**32 - 1))
def test_a_shuffled_tree_has_its_providers_with_parents_before_their_children(parents: list[int], seed: int) -> None:
    providers = [Provider("root")]
    for number, parent in enumerate(parents):
        above = f"p{parent % number}" if parent >= 0 and number else "root"
        providers.append(Provider(f"p{number}", parent=above))
    drawn = shuffled_tree(ProviderTree(tuple(providers)), random.Random(seed)).providers
    assert drawn[0].uuid == "root"
    assert sorted(item.uuid for item in drawn) == sorted(item.uuid for item in providers)
    place = {item.uuid: number for number, item in enumerate(drawn)}
    assert all(place[item.parent] < place[item.uuid] for item in drawn[1:])


def test_every_order_of_siblings_comes() -> None:
    providers = tuple(Provider(name, parent="root") for name in "abc")
    chance = random.Random(1)
    orders = {tuple(item.uuid for item in shuffled(providers, chance)) for _ in range(200)}
    assert len(orders) == 6


def chosen_gpus(*, randomize: bool) -> set[str]:
    options = SchedulerOptions(
        enabled_filters=("ComputeFilter",), weight_classes=(), randomize_allocation_candidates=randomize
    )
    table = host_table([{"disk_gb": 10, **tree(*(child(f"g{number}", {GPU: 1000}) for number in range(4)))}])
    of = selector(table, Chain.from_options(options), seed=7)
    found = set()
    for _ in range(60):
        (chosen,) = of.select(request(extra_specs={f"resources1:{GPU}": "100"}), claim=False)
        assert chosen.assignment is not None
        assert chosen.assignment.candidate is not None
        found |= {uuid for uuid, amounts in chosen.assignment.candidate.allocations if dict(amounts).get(GPU)}
    return found


def test_which_of_a_host_s_gpus_gives_a_share_is_drawn_where_the_option_says_so() -> None:
    assert chosen_gpus(randomize=False) == {"g0"}
    assert chosen_gpus(randomize=True) == {"g0", "g1", "g2", "g3"}
