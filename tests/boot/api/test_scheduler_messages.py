"""Rows as the scheduler is told of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.boot.api.scheduler_messages import flavor_message, is_schedulable
from engine.errors import InvalidRequestError
from engine.inventory.usage import flavor_amounts
from engine.service.convert import flavor_from
from tests.boot.store.test_flavors import TINY

EDGES = [
    {},
    {"vcpus": 1_000_000},
    {"vcpus": 1_000_001},
    {"memory_mb": 1_000_000_000},
    {"memory_mb": 1_000_000_001},
    {"swap_mb": 1_000_000_001},
    {"root_gb": 1_000_000_000},
    {"root_gb": 1_000_000_000, "swap_mb": 1},
    {"root_gb": 999_999_999, "swap_mb": 1024},
    {"root_gb": 500_000_000, "ephemeral_gb": 500_000_001},
    {"root_gb": 2**31 - 1},
]


@pytest.mark.parametrize("sizes", EDGES, ids=str)
def test_a_flavor_is_told_exactly_when_the_scheduler_takes_it(sizes: dict[str, int]) -> None:
    flavor = replace(TINY, **sizes)

    try:
        flavor_amounts(flavor_from(flavor_message(flavor)))
        taken = True
    except InvalidRequestError:
        taken = False
    assert is_schedulable(flavor) is taken
