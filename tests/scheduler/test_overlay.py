"""What a view and a few hosts answer together is what weighing every host answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inventory.table import HostTable
from engine.model.request_spec import RequestedDestination, RequestSpec
from engine.scheduler.destination import rows_named
from engine.scheduler.select import Selector
from engine.scheduler.sparse import GroupState
from engine.scheduler.weighed_selection import WeighedSelection
from tests.builders import host_table, request
from tests.devices import cell, numa, pinned
from tests.scheduler.overlay_worlds import MULTIPLIERS, Twins, chain, random_hosts
from tests.scheduler.test_lazy_selection import chain as device_chain
from tests.scheduler.test_lazy_selection import random_host as random_equipped_host

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.one_of(st.integers(1, 12), st.integers(1, 80), st.sampled_from((257, 600)))
POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")


def narrowed(rng: random.Random, spec: RequestSpec, many: int) -> RequestSpec:
    """Return a request with something that names hosts, or nothing."""
    names = tuple(
        rng.choice((f"h{row}", f"H{row}")) for row in rng.sample(range(many), min(many, rng.choice((1, 3, 20))))
    )
    kind = rng.randrange(7)
    if kind == 0:
        return replace(spec, force_hosts=names)
    if kind == 1:
        return replace(spec, ignore_hosts=names)
    if kind == 2:
        return replace(spec, requested_destination=RequestedDestination(f"h{rng.randrange(many + 1)}"))
    if kind in (3, 4):
        hints = {"same_host" if kind == 3 else "different_host": tuple(f"i{row}" for row in rng.sample(range(8), 3))}
        return replace(spec, scheduler_hints=hints)
    return spec


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS, many=SIZES, strategy=st.sampled_from(sorted(MULTIPLIERS)), cells=st.sampled_from((1, 1, 3)))
def test_hints_groups_and_named_hosts_leave_the_choice_that_weighing_every_host_makes(
    seed: int, many: int, strategy: str, cells: int
) -> None:
    rng = random.Random(seed)
    twins = Twins.of(random_hosts(rng, many, cells), chain(strategy))
    instance_rows = {f"i{number}": rng.randrange(many) for number in range(8)}
    groups = [GroupState(policy, rng.choice((1, 2))) for policy in POLICIES]
    for _ in range(12):
        spec = request(
            vcpus=rng.choice((1, 4)), memory_mb=rng.choice((512, 3000, 9000)), alternates=rng.choice((0, 1, 2, 9))
        )
        group = rng.choice((None, *groups))
        spec = narrowed(rng, replace(spec, instance_group="" if group is None else "group"), many)
        own_rows = (frozenset({rng.randrange(many)}),) if rng.random() < 0.2 else ()
        twins.compare(spec, group, instance_rows=instance_rows, own_rows=own_rows, claim=rng.random() < 0.8)
    twins.check()


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    many=st.sampled_from((1, 3, 40, 130)),
    full=st.sampled_from((0.0, 0.2, 0.9)),
    ram=st.sampled_from((1.0, -1.0)),
    few=st.sampled_from((0, 64, 256)),
)
def test_hosts_whose_devices_do_not_fit_are_none_for_ranges_and_choice(
    seed: int, many: int, full: float, ram: float, few: int
) -> None:
    rng = random.Random(seed)
    twins = Twins.of([random_equipped_host(rng, full) for _ in range(many)], device_chain(ram))
    twins.fast.overlays.few_hosts = few
    group = GroupState("anti-affinity")
    for _ in range(10):
        spec = pinned(rng.choice((2, 4)), nodes=rng.choice((1, 1, 2)), alternates=rng.choice((0, 2)))
        if rng.random() < 0.3:
            spec = replace(spec, ignore_hosts=(f"h{rng.randrange(many)}",))
        twins.compare(spec, group if rng.random() < 0.3 else None, claim=rng.random() < 0.8)
        if rng.random() < 0.3:
            row, value = rng.randrange(many), rng.choice((0, 2, 9))
            for one in (twins.fast, twins.plain):
                one.table.set_numbers(np.array([row]), "failed_builds", np.array([value]))
    twins.check()


def count_general(monkeypatch: Any) -> Callable[[], int]:
    """Count the requests that go the general way."""
    asked: list[int] = []
    run = WeighedSelection.run

    def counted(self: WeighedSelection, *arguments: Any, **named: Any) -> Any:
        asked.append(1)
        return run(self, *arguments, **named)

    monkeypatch.setattr(WeighedSelection, "run", counted)
    return lambda: len(asked)


def test_overlays_answer_without_weighing_every_host(monkeypatch: Any) -> None:
    selector = Selector(
        host_table([{"free_ram_mb": 2000 + row} for row in range(400)]), chain("spread"), random.Random(0)
    )
    general = count_general(monkeypatch)
    spec = request(alternates=2)
    instance_rows = {"i": 7}
    answers = {
        "ignored": selector.select(replace(spec, ignore_hosts=("h399",)), claim=False),
        "forced": selector.select(replace(spec, force_hosts=("h5", "H9")), claim=False),
        "other": selector.select(
            replace(spec, scheduler_hints={"different_host": ("i",)}), instance_rows={"i": 399}, claim=False
        ),
        "same": selector.select(
            replace(spec, scheduler_hints={"same_host": ("i",)}), instance_rows=instance_rows, claim=False
        ),
    }
    grouped = replace(spec, instance_group="group")
    for policy in POLICIES:
        group = GroupState(policy, 1, {399: 1, 3: 2}, {399, 3})
        answers[policy] = selector.select(grouped, group=group, claim=False)
    assert {name: item[0].row for name, item in answers.items()} == {
        "ignored": 398,
        "forced": 5,
        "other": 398,
        "same": 7,
        "affinity": 399,
        "anti-affinity": 398,
        "soft-affinity": 3,
        "soft-anti-affinity": 398,
    }
    assert general() == 0


def test_devices_of_different_hosts_are_fitted_for_the_few_that_decide(monkeypatch: Any) -> None:
    hosts = [
        {**numa(cell(0, 8, usage_mb=number), cell(1, 8)), "free_ram_mb": number + 1000, "vcpus": 16}
        for number in range(600)
    ]
    selector = Selector(host_table(hosts), device_chain(1.0), random.Random(0))
    general = count_general(monkeypatch)
    assert [selector.select(pinned(4, nodes=2, alternates=1))[0].row for _ in range(3)] == [599, 598, 597]
    assert selector.verdicts.evaluated < 40
    assert general() == 0


def test_names_are_found_without_case_after_hosts_come_and_go() -> None:
    table: HostTable = host_table([{"host_id": name} for name in ("alpha", "Beta", "BETA", "gamma")])
    assert rows_named(table, ("ALPHA", "beta", "nobody")).tolist() == [0, 1, 2]
    table.delete(["Beta"])
    assert rows_named(table, ("beta", "Gamma")).tolist() == [2, 3]
