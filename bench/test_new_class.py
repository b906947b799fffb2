"""What the text filters of a class never seen cost, and a change of one host's facts with 64 classes known."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.classes import OPTIONS, make_table
from bench.report import Figure
from bench.workloads import NEW_CLASS, FleetWork, chosen, times
from engine.inventory.table import HostTable
from engine.inventory.usage import flavor_amounts
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.static_mask import text_mask
from engine.scheduler.text_masks import TextMask, TextMasks

_ROW = 5


@pytest.mark.parametrize("work", chosen(NEW_CLASS), ids=lambda work: work.name)
def test_new_class(
    work: FleetWork, benchmark: Any, show: Callable[[Figure], None], fleet_of: Callable[[int], pa.Table]
) -> None:
    chain = Chain.from_options(OPTIONS["spread"])
    fleet = fleet_of(work.hosts)
    table = make_table(fleet)
    masks = TextMasks(table, chain.options)
    rounds = times(work.rounds)
    # the first of all finds out which hosts are alike
    began = time.perf_counter()
    ask(masks, chain, RequestSpec(flavor=Flavor("first", 1, 1024, 10)))
    show(Figure("new class", f"{work.name}, the first", (time.perf_counter() - began) * 1e6, "us"))
    specs = [RequestSpec(flavor=Flavor(f"f{number}", 1, 1024 + number, 10)) for number in range(rounds + 1)]
    asked: list[TextMask] = []
    benchmark.pedantic(lambda: asked.append(ask(masks, chain, specs[len(asked)])), rounds=rounds, warmup_rounds=1)
    gathering = [spreading(table) for _ in range(rounds)]
    floor = float(np.median(gathering)) * 1e6
    took = benchmark.stats.stats.median * 1e6
    show(Figure("new class", f"{work.name}, other amounts", took, "us", floor, note="the floor is one gather"))
    check(chain, table, specs[: len(asked)], asked)
    zones = [RequestSpec(flavor=Flavor("f", 1, 1024, 10), availability_zone=zone) for zone in sorted(table.zones)]
    seconds = []
    for spec in zones:
        began = time.perf_counter()
        asked.append(ask(masks, chain, spec))
        seconds.append(time.perf_counter() - began)
    show(Figure("new class", f"{work.name}, other zone", float(np.median(seconds)) * 1e6, "us", floor))
    check(chain, table, zones, asked[-len(zones) :])
    show_change(work, show, masks, chain, table, fleet)


def ask(masks: TextMasks, chain: Chain, spec: RequestSpec) -> TextMask:
    """Return the mask of a class."""
    return masks.mask(chain.applies(spec), spec, flavor_amounts(spec.flavor))


def spreading(table: HostTable) -> float:
    """Return the seconds that spreading a verdict a group over the hosts takes: the least that a new mask costs."""
    groups = table.fact_groups
    verdicts = np.ones(len(groups), dtype=np.uint8)
    values = np.empty(len(groups.of_rows), dtype=np.uint8)
    began = time.perf_counter()
    np.take(verdicts, groups.of_rows, out=values, mode="clip")
    return time.perf_counter() - began


def check(chain: Chain, table: HostTable, specs: Sequence[RequestSpec], asked: Sequence[TextMask]) -> None:
    """Compare some masks with what the filters say, asked by the facts of each host."""
    for spec, mask in list(zip(specs, asked, strict=True))[:3]:
        np.testing.assert_array_equal(mask.values, text_mask(chain.applies(spec), table, spec, chain.options))


def show_change(
    work: FleetWork,
    show: Callable[[Figure], None],
    masks: TextMasks,
    chain: Chain,
    table: HostTable,
    fleet: pa.Table,
) -> None:
    """Show what bringing 64 masks up to date takes after a host moved to another zone, and made anew as the floor."""
    zones = sorted(table.zones)
    specs = [
        RequestSpec(flavor=Flavor(f"f{number}", 1 + number, 1024, 10), availability_zone=zones[number % len(zones)])
        for number in range(64)
    ]
    kept = [ask(masks, chain, spec) for spec in specs]
    host = fleet.slice(_ROW, 1)
    place = host.schema.get_field_index("availability_zone")
    seconds = []
    for zone in zones[:4]:
        table.upsert(host.set_column(place, host.schema.field(place), pa.array([zone], host.schema.field(place).type)))
        began = time.perf_counter()
        kept = [
            masks.refreshed(mask, chain.applies(spec), spec, flavor_amounts(spec.flavor))[0]
            for mask, spec in zip(kept, specs, strict=True)
        ]
        seconds.append(time.perf_counter() - began)
        check(chain, table, specs, kept)
    began = time.perf_counter()
    for spec in specs[:4]:
        text_mask(chain.applies(spec), table, spec, chain.options)
    anew = (time.perf_counter() - began) / 4 * len(specs)
    show(
        Figure(
            "new class",
            f"{work.name}, one host's facts, 64 classes",
            min(seconds) * 1e6,
            "us",
            anew * 1e6,
            note="the quickest of four, for all 64 together; the floor asks the filters anew",
        )
    )
