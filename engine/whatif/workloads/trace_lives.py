"""When a trace's instances come and go: of a file with a row an instance, or with a row an event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.whatif.scenario.workload import TraceWorkload
from engine.whatif.workload import Events
from engine.whatif.workloads.columns import VM_ID, Columns
from engine.whatif.workloads.events import Times, events_in_order
from engine.whatif.workloads.trace import DELETE_NAMES, end_times

_PER_SECOND: Final = {"us": 1e6, "ms": 1e3}
_SECONDS: Final = {"m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class TraceLives:
    """A trace's instances, one entry each: ``columns`` hold the rows that say what each asks for.

    ``ranks``, ``created``, ``deleted`` and ``ends`` are those of workloads.events, times in the file's own ``unit``.
    ``told`` are the events in the order that the file itself gives, None where the common rule orders them.
    """

    columns: Columns
    ranks: NDArray[np.int64]
    created: Times
    deleted: Times
    ends: NDArray[np.bool_]
    unit: str = "s"
    told: Events | None = None

    def __len__(self) -> int:
        return len(self.ranks)

    def take(self, kept: NDArray[np.intp]) -> TraceLives:
        """Return the lives of these entries, which ascend."""
        told = self.told
        if told is not None:
            number = np.full(len(self), -1, dtype=np.int64)
            number[kept] = np.arange(len(kept))
            instances = number[told.instances]
            there = instances >= 0
            told = Events(instances[there], told.creates[there], told.times_s[there])
        return TraceLives(
            self.columns.take(kept),
            self.ranks[kept],
            self.created[kept],
            self.deleted[kept],
            self.ends[kept],
            self.unit,
            told,
        )

    def first(self, many: int) -> TraceLives:
        """Return the lives of the first ``many`` to come."""
        if many >= len(self):
            return self
        if self.told is not None:
            first = self.told.instances[self.told.creates][:many]
        else:
            first = np.lexsort((self.ranks, self.created))[:many]
        return self.take(np.sort(first))

    def events(self, *, forget_deletes: bool) -> Events:
        """Return the events in order, their times in seconds since the first."""
        if self.told is None:
            lives = replace(self, ends=np.zeros_like(self.ends)) if forget_deletes else self
            events = events_in_order(lives)
        else:
            kept = self.told.creates | (not forget_deletes)
            events = Events(self.told.instances[kept], self.told.creates[kept], self.told.times_s[kept])
        start = events.times_s[0] if len(events) else 0.0
        # the difference of whole numbers is exact, that of seconds would not be
        return Events(events.instances, events.creates, in_seconds(events.times_s - start, self.unit))


def trace_lives(columns: Columns, trace: TraceWorkload) -> TraceLives:
    """Return when the instances come and go; raise InvalidFileError that names the row which makes no sense."""
    if "op" in columns.called or all(columns.called.get(name, name) in columns.names for name in ("op", "t")):
        return _of_events(columns, trace)
    return _of_instances(columns, trace)


def _of_instances(columns: Columns, trace: TraceWorkload) -> TraceLives:
    if trace.shuffle and columns.called.get("t_create", "t_create") not in columns.names:
        # nobody asks when they came
        ranks = columns.unique_ranks(columns.name_of((VM_ID,)))
        unknown = np.zeros(len(columns), dtype=np.float64)
        return TraceLives(columns, ranks, unknown, unknown, np.zeros(len(columns), dtype=np.bool_))
    name = columns.name_of(("t_create",))
    if trace.skip_incomplete:
        there = np.flatnonzero(~np.isnan(columns.numbers(name, nullable=True)))
        columns = columns.take(there) if len(there) < len(columns) else columns
    ranks = columns.unique_ranks(columns.name_of((VM_ID,)))
    created = columns.numbers(name, nullable=False)
    if trace.forget_deletes and not any(columns.called.get(each, each) in columns.names for each in DELETE_NAMES):
        deleted, ends = created, np.zeros(len(columns), dtype=np.bool_)
    else:
        deleted, ends = end_times(columns, created)
    return TraceLives(columns, ranks, created, deleted, ends, trace.time_unit)


def _of_events(columns: Columns, trace: TraceWorkload) -> TraceLives:
    """Return the lives in a file of events: each create begins one, the same VM's next event ends it."""
    vm_name = columns.name_of((VM_ID,))
    named = columns.named(vm_name)
    vms = pc.rank(named, tiebreaker="dense").to_numpy().astype(np.int64)
    creates = _creates(columns)
    time_name = columns.name_of(("t",))
    times = columns.numbers(time_name, nullable=False).astype(np.float64)
    has_order = columns.called.get("seq", "seq") in columns.names or "seq" in columns.called
    order = _sequence(columns) if has_order else np.lexsort((np.arange(len(columns)), times))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    by_vm = np.lexsort((place, vms))
    _check_turns(columns, vms[by_vm], creates, by_vm)
    coming = order[creates[order]]
    number = np.empty(len(columns), dtype=np.int64)
    number[coming] = np.arange(len(coming))
    going = by_vm[~creates[by_vm]]
    # a VM's events take turns, so that what stands before a delete is its create
    number[going] = number[by_vm[np.flatnonzero(~creates[by_vm]) - 1]]
    deleted, ends = np.zeros(len(coming), dtype=np.float64), np.zeros(len(coming), dtype=np.bool_)
    deleted[number[going]], ends[number[going]] = times[going], True
    told = None
    if has_order:
        # an event that is logged with an earlier time than the one before it happens with that one
        told = Events(number[order], creates[order], np.maximum.accumulate(times[order]))
    return TraceLives(columns.take(coming), vms[coming], times[coming], deleted, ends, trace.time_unit, told)


def _creates(columns: Columns) -> NDArray[np.bool_]:
    """Return which rows are creates; the others are deletes."""
    name = columns.name_of(("op",))
    ops = columns.table[name].cast(pa.string())
    known = pc.fill_null(pc.is_in(ops, pa.array(["create", "delete"])), fill_value=False).to_numpy()
    if not known.all():
        row = int(np.flatnonzero(~known)[0])
        raise columns.fault(f"{ops[row].as_py()!r} is neither create nor delete", column=name, row=row)
    return np.asarray(pc.equal(ops, "create").to_numpy(), dtype=np.bool_)


def _sequence(columns: Columns) -> NDArray[np.int64]:
    """Return the rows in the order that the column seq gives."""
    name = columns.name_of(("seq",))
    values = columns.numbers(name, nullable=False)
    order = np.argsort(values, kind="stable")
    same = np.flatnonzero(values[order][1:] == values[order][:-1])
    if len(same):
        row = int(order[same[0] + 1])
        raise columns.fault(f"{values[row]:g} was there before: every event has its own place", column=name, row=row)
    return order


def _check_turns(
    columns: Columns, vms: NDArray[np.int64], creates: NDArray[np.bool_], by_vm: NDArray[np.int64]
) -> None:
    """Raise InvalidFileError unless each VM's events, ``by_vm`` in their order, are create and delete in turn."""
    is_first = np.ones(len(vms), dtype=np.bool_)
    is_first[1:] = vms[1:] != vms[:-1]
    says = creates[by_vm]
    before = np.zeros(len(vms), dtype=np.bool_)
    before[1:] = says[:-1]
    before[is_first] = False
    wrong = by_vm[says == before]
    if len(wrong):
        row = int(wrong.min())
        problem = (
            "is created again before it is deleted: leave one of them out"
            if creates[row]
            else "is deleted before it is created: leave that row out, or add its create"
        )
        raise columns.fault(problem, column=columns.name_of(("op",)), row=row)


def in_seconds(times: NDArray[np.float64], unit: str) -> NDArray[np.float64]:
    """Return times of a unit in seconds."""
    if unit == "s":
        return times
    # a division is rounded correctly, a product with 0.001 is not
    return np.asarray(times / _PER_SECOND[unit] if unit in _PER_SECOND else times * _SECONDS[unit])
