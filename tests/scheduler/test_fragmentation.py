"""Fragmentation scores are those of the definition, worked out in plain Python, and follow every change of a host."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.fragmentation import FragmentationScores, compiled, fragmentation, fragmentation_scores
from engine.scheduler.gpu_shares import GpuShares, ShareAsk
from engine.scheduler.options import SchedulerOptions
from tests.builders import HostFacts, fleet, host_table, request, selector
from tests.devices import child, tree

GPU = "CUSTOM_GPU_MILLI"
TYPICAL = ((4, 500, 1, 0.5), (8, 1000, 2, 0.25), (2, 0, 0, 0.25))
ENTRIES = tuple(f"{vcpus}:{amount}:{count}:{weight}" for vcpus, amount, count, weight in TYPICAL)


def plain_fragmentation(vcpus: int, free: Sequence[int]) -> float:
    """The expectation over typical requests of what is free and of no use to one."""
    expected = 0.0
    for asked, amount, count, weight in TYPICAL:
        large = [each for each in free if each >= amount]
        fits = count > 0 and vcpus >= asked and len(large) >= count
        expected += weight * (sum(free) - sum(large) if fits else sum(free))
    return expected


def plain_score(vcpus: int, free: Sequence[int], ask: ShareAsk) -> float:
    left, taken = list(free), set()
    for amount in ask.amounts:
        fits = [n for n, each in enumerate(left) if each >= amount and not (ask.isolated and n in taken)]
        if fits:
            left[fits[0]] -= amount
            taken.add(fits[0])
    grows = plain_fragmentation(vcpus - ask.vcpus, left) - plain_fragmentation(vcpus, free)
    return float(int(100 / (1 + math.exp(grows / 1000))))


asks = st.builds(
    ShareAsk,
    st.integers(0, 16),
    st.lists(st.sampled_from((100, 460, 500, 1000)), max_size=3).map(tuple),
    st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(
    hosts=st.lists(st.tuples(st.integers(0, 32), st.lists(st.integers(0, 1000), min_size=4, max_size=4)), max_size=6),
    ask=asks,
)
@pytest.mark.parametrize("is_compiled", [True, False])
def test_scores_are_those_of_the_definition(
    is_compiled: bool, hosts: list[tuple[int, list[int]]], ask: ShareAsk
) -> None:
    kernel = compiled().fragmentation_scores if is_compiled else fragmentation_scores
    scores = np.empty(len(hosts), dtype=np.float64)
    kernel(
        np.array([vcpus for vcpus, _ in hosts], dtype=np.int32),
        np.array([free for _, free in hosts], dtype=np.int32).reshape(len(hosts), 4),
        ask.vcpus,
        np.array(ask.amounts, dtype=np.int64),
        ask.isolated,
        1000.0,
        np.array([item[:3] for item in TYPICAL], dtype=np.int64),
        np.array([item[3] for item in TYPICAL], dtype=np.float64),
        scores,
    )
    assert scores.tolist() == [plain_score(vcpus, free, ask) for vcpus, free in hosts]


def test_what_no_typical_request_can_use_is_fragmented() -> None:
    typical = np.array([item[:3] for item in TYPICAL], dtype=np.int64)
    weights = np.array([item[3] for item in TYPICAL], dtype=np.float64)

    def of(vcpus: int, *free: int) -> float:
        return float(fragmentation(vcpus, np.array(free, dtype=np.int64), typical, weights))

    assert of(64, 0, 0) == 0.0
    # two whole GPUs serve all but the request without any
    assert of(64, 1000, 1000) == 0.25 * 2000
    assert of(7, 1000, 1000) == 0.5 * 2000
    assert of(1, 1000, 1000) == 2000
    assert of(64, 1000, 400) == 0.5 * 400 + 0.5 * 1400


def gpus(name: str, *amounts: int) -> HostFacts:
    return {
        "vcpus": 16,
        "cpu_allocation_ratio": 1.0,
        "disk_gb": 10,
        **tree(*(child(f"{name}-{number}", {GPU: amount}) for number, amount in enumerate(amounts))),
    }


def share(amount: int) -> RequestSpec:
    return request(vcpus=2, extra_specs={f"resources1:{GPU}": str(amount)})


def test_only_hosts_that_changed_are_scored_again() -> None:
    options = SchedulerOptions(weight_classes=("GpuFragmentationWeigher",), gpu_typical_requests=ENTRIES)
    table = host_table([gpus(f"h{row}", 1000, 1000) for row in range(20)])
    shares = GpuShares(GPU)
    scores, rows = FragmentationScores(shares, ENTRIES), table.present_rows()
    ask = shares.ask(share(460), table, options)
    assert ask == ShareAsk(2, (460,), False)
    before = scores.of(table, ask, rows)
    assert scores.scored == 20
    assert scores.of(table, ask, rows[::-1]).tolist() == before[::-1].tolist()
    assert scores.scored == 20
    (chosen,) = selector(table, Chain.from_options(options)).select(share(1000))
    after = scores.of(table, ask, rows)
    assert scores.scored == 21
    assert np.flatnonzero(after != before).tolist() == [chosen.row]


def test_a_larger_gpu_in_the_fleet_changes_every_score() -> None:
    table = host_table([gpus("h0", 1000, 1000)])
    shares = GpuShares(GPU)
    scores, ask = FragmentationScores(shares, ENTRIES), ShareAsk(2, (460,), False)
    first = scores.of(table, ask, np.array([0]))
    table.upsert(fleet([{"host_id": "h1", **gpus("h1", 4000)}]))
    # growing by as much counts less where a GPU is more
    assert scores.of(table, ask, np.array([0]))[0] > first[0]


def test_a_small_budget_only_costs_time() -> None:
    table = host_table([gpus(f"h{row}", 1000, 600) for row in range(3)])
    rows = table.present_rows()
    small, large = (FragmentationScores(GpuShares(GPU), ENTRIES, budget_bytes=budget) for budget in (1, 10**9))
    for vcpus in (1, 2, 3, 4, 1, 2):
        ask = ShareAsk(vcpus, (300,), False)
        assert small.of(table, ask, rows).tolist() == large.of(table, ask, rows).tolist()
    assert small.scored > large.scored
