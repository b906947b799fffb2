"""Small worlds for questions: hosts as in tests.builders, flavors as numbers, instances put where a test wants them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from engine.errors import NoValidHostError
from engine.inventory.table import HostTable
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from engine.whatif.answer import Answer
from engine.whatif.inputs import read_inputs
from engine.whatif.questions import drain, fail, fits
from engine.whatif.scenario.reading import parse_scenario
from engine.whatif.sweep.local import LocalExecutor
from engine.whatif.world import World
from tests.builders import HostFacts, fleet

Shape = tuple[int, int, int]
"""vCPUs, MiB of memory, GiB of disk."""

SCENARIO = """
[fleet]
synthetic = "{hosts} hosts of 8c 32g 100d cpu x1 ram x1 in 2 zones, racks of 2"
[[flavors]]
name = "m1.medium"
vcpus = 2
memory_mb = 8192
disk_gb = 10
[workload.mix]
flavors = {{ "m1.medium" = 1.0 }}
per_hour = {many}
process = "even"
duration = "1h"
"""
"""Hosts of two zones, and instances that come evenly within an hour: so many of each."""

PLAIN: HostFacts = {"cpu_allocation_ratio": 1.0, "ram_allocation_ratio": 1.0, "memory_mb_reserved": 0}


def table_of(hosts: Sequence[HostFacts]) -> HostTable:
    """A table of hosts without overcommitment unless they say otherwise, whose services are up."""
    table = HostTable()
    if hosts:
        table.upsert(fleet([{**PLAIN, **host} for host in hosts]))
    table.refresh_services(0, 60_000_000)
    return table


def request_of(shape: Shape, **spec: object) -> RequestSpec:
    """A request for one instance of some sizes."""
    return RequestSpec(flavor=Flavor("f-{}-{}-{}".format(*shape), *shape), **spec)  # type: ignore[arg-type]


def world_of(
    hosts: Sequence[HostFacts],
    held: Sequence[tuple[int, Shape]] = (),
    *,
    options: SchedulerOptions | None = None,
) -> World:
    """A world of hosts, with an instance of a shape on a host, by its number, for each of ``held``, oldest first."""
    world = World(table_of(hosts), options or SchedulerOptions())
    if held:
        codes = np.array([world.code(request_of(shape)) for _, shape in held], dtype=np.int32)
        first = world.add(codes, pa.array([f"i{number}" for number in range(len(held))]))
        world.hold(np.arange(first, first + len(held)), np.array([host for host, _ in held], dtype=np.int64))
    return world


def placed_by_selector(
    hosts: Sequence[HostFacts],
    held: Sequence[tuple[int, Shape]],
    gone: frozenset[int],
    order: Sequence[int],
    options: SchedulerOptions,
) -> list[str | None]:
    """Where instances go by the production selector on a table that never had the hosts ``gone``, None for nowhere.

    ``order`` are the numbers of those displaced, in ``held``.
    """
    kept = [number for number in range(len(hosts)) if number not in gone]
    named = [{"host_id": f"h{number}", **hosts[number]} for number in kept]
    if not named:
        return [None] * len(order)
    table = table_of(named)
    chain = Chain.from_options(options)
    selector = Selector(table, chain, random.Random(0))
    for host, shape in held:
        if host not in gone:
            amounts = selector.demand(request_of(shape)).amounts
            table.apply(table.row(f"h{host}"), 1, amounts)
    found: list[str | None] = []
    for number in order:
        try:
            (chosen,) = selector.select(request_of(held[number][1]))
            found.append(table.identity.host_ids[chosen.row])
        except NoValidHostError:
            found.append(None)
    return found


def ask(question: str, text: str, **tables: object) -> Answer:
    """The answer to a question about a scenario that reads no file; ``tables`` take the place of its own, unchecked."""
    scenario = parse_scenario(text, "test.toml").model_copy(update=tables)
    inputs = read_inputs(scenario, Path(), None)
    module = {"fits": fits, "fail": fail, "drain": drain}[question]
    return module.ask(
        scenario, inputs, seed=scenario.seed, progress=lambda what, done, total: None, executor=LocalExecutor(1)
    )
