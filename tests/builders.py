"""Small fleets, requests and chains for tests: a host is a dict of the fleet columns that matter to the case."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from engine.errors import NoValidHostError
from engine.inventory.fleet_file import normalise_fleet
from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector, Step
from engine.scheduler.sparse import GroupState

NOW_US = 1_790_000_000_000_000
SECOND_US = 1_000_000

HostFacts = Mapping[str, object]


def fleet(hosts: Sequence[HostFacts]) -> pa.Table:
    """The hosts as a canonical fleet table; they are called h0, h1, … and are of a middling size unless told."""
    rows = [
        {"host_id": f"h{index}", "vcpus": 16, "memory_mb": 65_536, "disk_gb": 1_000, **host}
        for index, host in enumerate(hosts)
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return normalise_fleet(pa.table({name: [row.get(name) for row in rows] for name in names}), source="test fleet")


def host_table(hosts: Sequence[HostFacts], *, aggregates: Sequence[Aggregate] = (), down_time_s: int = 60) -> HostTable:
    """A table of the hosts, row by row in their order, with these aggregates, its service states those at NOW_US."""
    table = HostTable()
    if hosts:
        table.upsert(fleet(hosts))
    for aggregate in aggregates:
        table.set_aggregate(aggregate)
    table.refresh_services(NOW_US, down_time_s * SECOND_US)
    return table


def request(
    *,
    vcpus: int = 1,
    memory_mb: int = 512,
    root_gb: int = 0,
    ephemeral_gb: int = 0,
    swap_mb: int = 0,
    extra_specs: Mapping[str, str] | None = None,
    properties: Mapping[str, object] | None = None,
    **spec: Any,
) -> RequestSpec:
    """A request for one small instance; ``spec`` are further fields of RequestSpec."""
    flavor = Flavor("small", vcpus, memory_mb, root_gb, ephemeral_gb, swap_mb, extra_specs or {})
    return RequestSpec(flavor=flavor, image=Image(properties=properties or {}), **spec)


def only(*, filters: Sequence[str] = (), weighers: Sequence[str] = (), **options: Any) -> Chain:
    """A chain of these plug-ins and no others."""
    chosen = SchedulerOptions(
        enabled_filters=tuple(filters), placement_filters=(), weight_classes=tuple(weighers), **options
    )
    return Chain.from_options(chosen)


def selector(table: HostTable, chain: Chain, *, seed: int = 0) -> Selector:
    return Selector(table, chain, random.Random(seed))


def first_step(
    chain: Chain,
    table: HostTable,
    spec: RequestSpec,
    *,
    group: GroupState | None = None,
    own_rows: frozenset[int] = frozenset(),
    instance_rows: Mapping[str, int] | None = None,
) -> Step:
    """The hosts as a selection weighs them for the first instance."""
    steps: list[Step] = []
    try:
        selector(table, chain).select(
            spec, group=group, own_rows=(own_rows,), instance_rows=instance_rows or {}, claim=False, steps=steps
        )
    except NoValidHostError:
        assert steps
    return steps[0]


def passing(
    filter_name: str,
    hosts: Sequence[HostFacts],
    spec: RequestSpec | None = None,
    *,
    aggregates: Sequence[Aggregate] = (),
    group: GroupState | None = None,
    own_rows: frozenset[int] = frozenset(),
    instance_rows: Mapping[str, int] | None = None,
    **options: Any,
) -> set[str]:
    """The host ids that a selection with this filter alone leaves; rows of groups number the hosts from 0."""
    chain = only(filters=[filter_name], **options)
    table = host_table(hosts, aggregates=aggregates, down_time_s=chain.options.service_down_time)
    step = first_step(chain, table, spec or request(), group=group, own_rows=own_rows, instance_rows=instance_rows)
    return {table.identity.host_ids[row] for row in step.rows.tolist()}


def weights(
    weigher_name: str,
    hosts: Sequence[HostFacts],
    spec: RequestSpec | None = None,
    *,
    aggregates: Sequence[Aggregate] = (),
    group: GroupState | None = None,
    **options: Any,
) -> dict[str, float]:
    """Each host's weight by this weigher alone."""
    table = host_table(hosts, aggregates=aggregates)
    step = first_step(only(weighers=[weigher_name], **options), table, spec or request(), group=group)
    return {
        table.identity.host_ids[row]: weight
        for row, weight in zip(step.rows.tolist(), step.weights.tolist(), strict=True)
    }
