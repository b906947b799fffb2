"""CPU policies as others read them: amounts for placement, and facts about cores."""

from __future__ import annotations

import pytest

from engine.fitting.cpu_policies import (
    CpuAmounts,
    cpu_amounts,
    cpu_policy,
    cpu_thread_policy,
    emulator_threads_policy,
    has_threads,
)
from engine.model.flavor import Flavor
from engine.model.image import Image


def flavor(**specs: str) -> Flavor:
    return Flavor("f", 4, 1024, extra_specs={f"hw:{key}": value for key, value in specs.items()})


@pytest.mark.parametrize(
    ("specs", "amounts"),
    [
        ({}, None),
        ({"cpu_policy": "shared"}, None),
        ({"cpu_policy": "dedicated"}, CpuAmounts(0, 4)),
        ({"cpu_policy": "dedicated", "emulator_threads_policy": "share"}, CpuAmounts(0, 4)),
        ({"cpu_policy": "dedicated", "emulator_threads_policy": "isolate"}, CpuAmounts(0, 5)),
        ({"cpu_policy": "mixed", "cpu_dedicated_mask": "1-3"}, CpuAmounts(1, 3)),
        (
            {"cpu_policy": "mixed", "cpu_dedicated_mask": "3", "emulator_threads_policy": "isolate"},
            CpuAmounts(3, 2),
        ),
        ({"cpu_policy": "mixed", "cpu_realtime": "1", "cpu_realtime_mask": "2-3"}, CpuAmounts(2, 2)),
    ],
)
def test_pinned_guests_count_shared_and_dedicated_apart(specs: dict[str, str], amounts: CpuAmounts | None) -> None:
    assert cpu_amounts(flavor(**specs), Image()) == amounts


def test_the_flavor_goes_before_the_image() -> None:
    dedicated = Image(properties={"hw_cpu_policy": "dedicated", "hw_cpu_thread_policy": "isolate"})
    assert cpu_policy(flavor(), dedicated) == "dedicated"
    assert cpu_policy(flavor(cpu_policy="dedicated"), Image(properties={"hw_cpu_policy": "mixed"})) == "dedicated"
    assert cpu_thread_policy(flavor(), dedicated) == "isolate"
    assert cpu_thread_policy(flavor(cpu_thread_policy="prefer"), dedicated) == "prefer"
    assert emulator_threads_policy(flavor(emulator_threads_policy="share")) == "share"
    assert emulator_threads_policy(flavor(emulator_threads_policy="")) is None


def test_one_core_with_two_threads_is_enough() -> None:
    assert has_threads((frozenset({0}), frozenset({1, 2})))
    assert not has_threads((frozenset({0}), frozenset({1})))
    assert not has_threads(())
