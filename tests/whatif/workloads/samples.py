"""Worlds of a few hosts with flavors, parts of scenarios, and trace tables, for the tests of workloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from engine.scheduler.options import SchedulerOptions
from engine.whatif.scenario.flavors import FlavorTable
from engine.whatif.scenario.requests import request_of
from engine.whatif.scenario.workload import FillWorkload, MixWorkload, TraceWorkload
from engine.whatif.workload import Workload
from engine.whatif.workloads.columns import Columns
from engine.whatif.workloads.trace_workload import trace_workload
from engine.whatif.world import World
from tests.builders import HostFacts, host_table
from tests.traces import GOOD

FLAVORS = {"small": (1, 2048, 10), "large": (4, 16_384, 40)}
"""vCPUs, memory_mb and disk_gb by name."""


def world_of(
    hosts: Sequence[HostFacts] | int = 4,
    *,
    flavors: Mapping[str, tuple[int, int, int]] = FLAVORS,
    extra_specs: Mapping[str, Mapping[str, str]] | None = None,
    **options: Any,
) -> World:
    """A world of these hosts, or of so many middling ones, that knows the flavors."""
    table = host_table([{}] * hosts if isinstance(hosts, int) else hosts)
    world = World(table, SchedulerOptions(max_instances_per_host=100_000, **options))
    for name, (vcpus, memory_mb, disk_gb) in flavors.items():
        specs = dict((extra_specs or {}).get(name, {}))
        flavor = FlavorTable(name=name, vcpus=vcpus, memory_mb=memory_mb, disk_gb=disk_gb, extra_specs=specs)
        world.flavors[name] = request_of(flavor, world.options)
    return world


def trace_of(**said: Any) -> TraceWorkload:
    """The scenario's [workload.trace] with these keys."""
    return TraceWorkload.model_validate({"file": Path("trace.parquet"), **said}, strict=False)


def mix_of(**said: Any) -> MixWorkload:
    """The scenario's [workload.mix] with these keys."""
    given = {"flavors": {"small": 3.0, "large": 1.0}, "per_hour": 60, "duration": "1d", **said}
    return MixWorkload.model_validate(given, strict=False)


def fill_of(**said: Any) -> FillWorkload:
    """The scenario's [workload.fill] with these keys."""
    return FillWorkload.model_validate({"flavors": {"small": 3.0, "large": 1.0}, **said}, strict=False)


def table_of(**changes: Any) -> pa.Table:
    """A good trace with some columns changed or added, or left out where None is given."""
    return pa.table({name: values for name, values in {**GOOD, **changes}.items() if values is not None})


def columns_in(table: pa.Table, **called: str) -> Columns:
    """The columns of a table, ``called`` otherwise in the file than a trace calls them."""
    return Columns(Path("trace.parquet"), table, tuple(table.column_names), np.arange(table.num_rows), called)


@cache
def _middling() -> World:
    return world_of()


def fresh_world() -> World:
    """A world of middling hosts that nothing was done to."""
    return _middling().fork()


def made(table: pa.Table, world: World | None = None, *, seed: int = 1, **said: Any) -> Workload:
    """The workload of a trace's table in a world."""
    return trace_workload(trace_of(**said), table, world or fresh_world(), np.random.default_rng(seed))


def shown(workload: Workload) -> list[tuple[float, str, Any]]:
    """A workload's events as (time, create or delete, name)."""
    names = workload.names.to_pylist()
    events = workload.events
    return [
        (time, "create" if create else "delete", names[instance])
        for time, create, instance in zip(
            events.times_s.tolist(), events.creates.tolist(), events.instances.tolist(), strict=True
        )
    ]


def flavor_names(workload: Workload) -> list[str]:
    """The name of each instance's flavor."""
    return [workload.requests[code].flavor.name for code in workload.codes.tolist()]
