"""Hosts come best first, ties as they were, and weights that are no numbers where Python's sort puts them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.aggregate import Aggregate
from engine.scheduler.weight_order import in_weight_order
from tests.builders import first_step, host_table, only, request

WEIGHTS = st.lists(st.sampled_from([math.nan, -math.inf, -1.0, -0.0, 0.0, 0.5, 2.0, math.inf]), max_size=40)


def ordered(weights: list[float]) -> list[int]:
    """The places of the weights, best first."""
    found = in_weight_order(np.arange(len(weights)), np.array(weights, dtype=np.float64))
    return [int(place) for place in found]


@given(WEIGHTS)
def test_the_order_is_that_of_pythons_sort(weights: list[float]) -> None:
    assert ordered(weights) == sorted(range(len(weights)), key=lambda place: weights[place], reverse=True)


@given(WEIGHTS, st.randoms())
def test_rows_are_a_selection_of_the_tables_in_any_order(weights: list[float], random: object) -> None:
    rows = list(range(0, len(weights), 2))
    random.shuffle(rows)  # type: ignore[attr-defined]
    found = in_weight_order(np.array(rows, dtype=np.int64), np.array(weights, dtype=np.float64)).tolist()
    assert found == sorted(rows, key=lambda row: weights[row], reverse=True)


@pytest.mark.parametrize(
    ("texts", "novas"),
    [
        (["", "", "nan"], [1, 0, 2]),
        (["nan", "", ""], [0, 1, 2]),
        (["", "nan", ""], [0, 1, 2]),
        (["inf", "", ""], [0, 1, 2]),
        (["-inf", "", ""], [1, 2, 0]),
    ],
)
def test_multipliers_that_are_no_numbers_leave_novas_order(texts: list[str], novas: list[int]) -> None:
    hosts = [{"free_ram_mb": free} for free in (1024, 4096, 2048)]
    aggregates = [
        Aggregate(f"a{row}", f"a{row}", frozenset({f"h{row}"}), {"ram_weight_multiplier": text})
        for row, text in enumerate(texts)
        if text
    ]
    chain = only(weighers=["RAMWeigher"], nova_quirks=True)
    step = first_step(chain, host_table(hosts, aggregates=aggregates), request())
    weights = [
        (float(text) if text else 1.0) * free / 4096 for text, free in zip(texts, (1024, 4096, 2048), strict=True)
    ]
    assert step.rows.tolist() == sorted(range(3), key=lambda row: weights[row], reverse=True) == novas
    right = first_step(only(weighers=["RAMWeigher"]), host_table(hosts, aggregates=aggregates), request())
    assert right.rows.tolist() == [1, 2, 0]
