"""Asking only the hosts that decide finds the hosts that asking all of them finds."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import NoValidHostError
from engine.inventory.check import check_invariants
from engine.inventory.table import HostTable
from engine.model.selection import Selection
from engine.scheduler.chain import Chain
from engine.scheduler.options import DEFAULT_FILTERS, SchedulerOptions
from engine.scheduler.select import Selector
from engine.scheduler.sparse import GroupState
from tests.builders import host_table
from tests.devices import cell, child, devices, numa, pci, pinned, pool, tree

FILTERS = (*DEFAULT_FILTERS, "NUMATopologyFilter", "PciPassthroughFilter")


@cache
def chain(ram: float) -> Chain:
    return Chain.from_options(SchedulerOptions(enabled_filters=FILTERS, ram_weight_multiplier=ram))


def random_host(rng: random.Random, full: float) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "vcpus": 8,
        "cpu_allocation_ratio": 16.0,
        "vcpus_used": rng.randint(0, 8),
        "memory_mb": rng.choice((8_192, 65_536)),
        "free_ram_mb": rng.randint(0, 9_000),
        "failed_builds": rng.choice((0, 0, 0, 1)),
        "num_io_ops": rng.choice((0, 0, 1)),
    }
    if rng.random() < 0.9:
        cells = [
            cell(number, pinned=4 if rng.random() < full else rng.randint(0, 4), usage_mb=rng.choice((0, 2048)))
            for number in range(rng.randint(1, 3))
        ]
        facts |= numa(*cells)
    if rng.random() < 0.5:
        facts |= pci(pool(rng.randint(0, 2), rng.choice((None, 0, 1))))
    if rng.random() < 0.5:
        facts |= tree(child(f"{rng.getrandbits(64):x}", {"CUSTOM_CARD": rng.randint(1, 3)}))
    return facts


def attempt(selector: Selector, **arguments: Any) -> list[Selection] | None:
    try:
        return selector.select(**arguments)
    except NoValidHostError:
        return None


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    many=st.sampled_from((2, 70, 130)),
    full=st.sampled_from((0.2, 0.9, 0.99)),
    ram=st.sampled_from((1.0, -1.0)),
)
def test_lazy_selection_is_the_selection_that_asks_every_host(seed: int, many: int, full: float, ram: float) -> None:
    rng = random.Random(seed)
    hosts = [random_host(rng, full) for _ in range(many)]
    lazy, eager = (Selector(host_table(hosts), chain(ram), random.Random(0)) for _ in range(2))
    groups = [GroupState("soft-anti-affinity"), GroupState("soft-anti-affinity")]
    placed: list[Selection] = []
    for _ in range(6):
        specs: dict[str, str] = {"resources:CUSTOM_CARD": "1"} if rng.random() < 0.4 else {}
        spec = pinned(
            rng.choice((2, 4)),
            nodes=rng.choice((1, 2)),
            num_instances=rng.choice((1, 1, 3)),
            extra_specs=specs,
            alternates=rng.choice((0, 2)),
            pci_requests=(devices(),) if rng.random() < 0.4 else (),
        )
        claim = rng.random() < 0.8
        with_group = rng.random() < 0.3
        mine, its = (groups[0], groups[1]) if with_group else (None, None)
        found = attempt(lazy, request=spec, claim=claim, group=mine)
        assert found == attempt(eager, request=spec, claim=claim, group=its, steps=[])
        placed += found if found and claim else []
        assert states(lazy.table) == states(eager.table)
    assert check_invariants(lazy.table) == []


def states(table: HostTable) -> list[object]:
    return [table.device_state(row) for row in table.present_rows().tolist()]


def test_few_of_many_different_hosts_are_fitted() -> None:
    hosts = [
        {**numa(cell(0, 8, usage_mb=number), cell(1, 8)), "free_ram_mb": number + 1000, "vcpus": 16}
        for number in range(600)
    ]
    selector = Selector(host_table(hosts), chain(1.0), random.Random(0))
    (first,) = selector.select(pinned(4, nodes=2))
    assert first.row == 599
    assert selector.verdicts.evaluated < 40
    (second,) = selector.select(pinned(4, nodes=2))
    assert second.row == 598
    assert selector.verdicts.evaluated < 44


def test_hosts_that_lack_something_plain_are_told_without_fitting() -> None:
    hosts = [numa(cell(0, 8, pinned=7, usage_mb=number)) for number in range(400)] + [numa(cell(0, 8, pinned=2))]
    selector = Selector(host_table(hosts), chain(1.0), random.Random(0))
    assert [item.row for item in selector.select(pinned(4))] == [400]
    assert selector.verdicts.evaluated < 120
    table = selector.table
    assert np.flatnonzero(table.columns["num_instances"]).tolist() == [400]


def test_full_hosts_at_the_end_of_a_weighers_range_do_not_make_all_be_fitted() -> None:
    full = [{**numa(cell(0, 8, pinned=8, usage_mb=number)), "free_ram_mb": number} for number in range(200)]
    free = [{**numa(cell(0, 8, usage_mb=number)), "free_ram_mb": 1_000 + number} for number in range(3_000)]
    selector = Selector(host_table([*full, *free]), chain(1.0), random.Random(0))
    assert selector.select(pinned(4))[0].row == 3_199
    assert selector.verdicts.evaluated < 600
