"""The workload of a trace: its instances as they came and went, or poured in anew."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.errors import InvalidRequestError
from engine.whatif.scenario.workload import TraceWorkload
from engine.whatif.workload import NO_GROUP, Workload
from engine.whatif.workloads.columns import VM_ID
from engine.whatif.workloads.pouring import copies_named, drawn_until, in_turn_events
from engine.whatif.workloads.server_groups import rule_of, trace_groups
from engine.whatif.workloads.supply import asked_of, capacity
from engine.whatif.workloads.trace_lives import TraceLives, trace_lives
from engine.whatif.workloads.trace_requests import flavor_column, trace_codes
from engine.whatif.workloads.trace_sizes import check_scale, is_complete
from engine.whatif.workloads.trace_table import columns_of
from engine.whatif.world import World


def trace_workload(trace: TraceWorkload, table: pa.Table, world: World, rng: np.random.Generator) -> Workload:
    """Return the workload of a table that ``read_trace_table`` read; its codes are the world's.

    The first event is at 0. Raises InvalidFileError that names the row which is wrong, InvalidRequestError where the
    scenario asks for what cannot be.
    """
    check_scale(trace)
    lives = trace_lives(columns_of(table, trace), trace)
    if trace.skip_incomplete:
        complete = is_complete(lives.columns, trace.scale, flavor=flavor_column(lives.columns))
        lives = lives if complete.all() else lives.take(np.flatnonzero(complete))
    if trace.limit:
        lives = lives.first(trace.limit)
    codes = trace_codes(lives.columns, trace, world)
    names = _names(lives)
    groups, rule = None, None
    if trace.server_groups is not None:
        groups, rule = trace_groups(lives.columns, trace.server_groups), rule_of(trace.server_groups)
    if not trace.shuffle:
        events = lives.events(forget_deletes=trace.forget_deletes)
        return Workload(tuple(world.requests), codes, names, events, groups, rule)
    order = rng.permutation(len(codes))
    extra = _padding(trace, codes, world, rng)
    picks = np.concatenate([order, extra])
    if groups is not None:
        # one that is drawn again is nobody's sibling
        groups = np.concatenate([groups[order], np.full(len(extra), NO_GROUP, dtype=np.int32)])
    shuffled = copies_named(names, picks)
    return Workload(tuple(world.requests), codes[picks], shuffled, in_turn_events(len(picks)), groups, rule)


def _names(lives: TraceLives) -> pa.Array:
    named = lives.columns.named(lives.columns.name_of((VM_ID,)))
    kind = pa.int64() if pa.types.is_signed_integer(named.type) else pa.string()
    whole = named.cast(kind).combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _padding(
    trace: TraceWorkload, codes: NDArray[np.int32], world: World, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the entries that are drawn again, so that all ask for ``pad_percent`` of the fleet's ``pad_resource``."""
    if trace.pad_percent is None or not len(codes):
        return np.empty(0, dtype=np.int64)
    there = capacity(world.table, trace.pad_resource)
    if there == 0:
        raise InvalidRequestError(
            f"workload.trace.pad_resource: no host of the fleet has any {trace.pad_resource}; name one that some have",
            field="workload.trace.pad_resource",
        )
    asked = np.zeros(len(world.requests), dtype=np.int64)
    for code in np.unique(codes).tolist():
        asked[code] = asked_of(world, code).get(trace.pad_resource, 0)
    each = asked[codes]
    wanted = -int(-there * trace.pad_percent // 100) - int(each.sum())
    return drawn_until(each, wanted, rng)
