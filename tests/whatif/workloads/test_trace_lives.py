from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidFileError
from engine.whatif.workloads.trace_lives import in_seconds, trace_lives
from tests.traces import one_by_one, traces
from tests.whatif.workloads.samples import columns_in, made, shown, table_of, trace_of


def events_table(rows, *, seq=None):
    """A table of (op, vm_id, t) rows, all of one size."""
    ops, vms, times = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {
        "op": pa.array(ops, pa.string()),
        "vm_id": pa.array(vms, pa.int64()),
        "t": pa.array(times, pa.int64()),
        "vcpus": pa.array([1] * len(rows), pa.int64()),
        "memory_mb": pa.array([1] * len(rows), pa.int64()),
    }
    return pa.table(columns | ({} if seq is None else {"seq": pa.array(seq, pa.int64())}))


def instances_table(trace):
    return pa.table(
        {
            "vm_id": trace.ranks,
            "t_create": trace.created,
            "t_delete": [int(t) if ends else None for t, ends in zip(trace.deleted, trace.ends, strict=True)],
            "vcpus": np.ones(len(trace), np.int64),
            "memory_mb": np.ones(len(trace), np.int64),
        },
        schema=pa.schema([(name, pa.int64()) for name in ("vm_id", "t_create", "t_delete", "vcpus", "memory_mb")]),
    )


def rows_of(trace):
    """The events as rows of a file, in the order that they happen."""
    return [
        ("create" if create else "delete", int(trace.ranks[vm]), int((trace.created if create else trace.deleted)[vm]))
        for vm, create in one_by_one(trace)
    ]


@given(traces(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_both_forms_of_a_trace_have_the_same_events(trace, random):
    rows = rows_of(trace)
    expected = shown(made(instances_table(trace)))
    assert shown(made(events_table(rows))) == expected
    shuffled = list(enumerate(rows))
    random.shuffle(shuffled)
    in_any_order = events_table([row for _, row in shuffled], seq=[place for place, _ in shuffled])
    assert shown(made(in_any_order)) == expected


@given(traces(), st.integers(1, 12))
@settings(deadline=None, max_examples=40)
def test_a_limit_keeps_the_first_to_come_and_all_their_events(trace, limit):
    rows = rows_of(trace)
    first = [vm for op, vm, _ in rows if op == "create"][:limit]
    for table in (instances_table(trace), events_table(rows, seq=range(len(rows)))):
        workload = made(table, limit=limit)
        assert [(op, vm) for _, op, vm in shown(workload)] == [(op, vm) for op, vm, _ in rows if vm in first]
        assert len(workload) == len(first)


@given(traces())
@settings(deadline=None, max_examples=40)
def test_forgotten_deletes_leave_the_creates_as_they_were(trace):
    rows = rows_of(trace)
    start = min((t for _, _, t in rows), default=0)
    expected = [(t - start, op, vm) for op, vm, t in rows if op == "create"]
    assert shown(made(instances_table(trace), forget_deletes=True)) == expected
    assert shown(made(events_table(rows, seq=range(len(rows))), forget_deletes=True)) == expected


def test_a_sequence_decides_and_times_never_fall():
    table = events_table([("delete", 1, 90), ("create", 1, 100), ("create", 2, 95)], seq=[7, 5, 9])
    assert shown(made(table)) == [(0, "create", 1), (0, "delete", 1), (0, "create", 2)]


def test_a_vm_that_comes_again_is_another_instance():
    rows = [("create", 1, 0), ("delete", 1, 5), ("create", 1, 7), ("delete", 1, 9)]
    workload = made(events_table(rows))
    assert len(workload) == 2
    assert workload.events.instances.tolist() == [0, 0, 1, 1]
    assert shown(workload) == [(0, "create", 1), (5, "delete", 1), (7, "create", 1), (9, "delete", 1)]


def test_times_are_seconds_since_the_first_event():
    table = table_of(t_create=[5_000, 5_001, 6_000, 7_500], t_delete=[9_000, None, None, None])
    assert [time for time, _, _ in shown(made(table, time_unit="ms"))] == [0, 0.001, 1, 2.5, 4]
    assert in_seconds(np.array([1, 2]), "us").tolist() == [1e-6, 2e-6]
    assert in_seconds(np.array([1, 2]), "m").tolist() == [60, 120]
    assert in_seconds(np.array([0.5]), "h").tolist() == [1800]


BAD_EVENTS = {
    "another op": ([("create", 1, 0), ("resize", 1, 1)], None, "column op, row 2.*'resize' is neither"),
    "no op": ([("create", 1, 0), (None, 1, 1)], None, "column op, row 2.*None is neither"),
    "created twice": ([("create", 1, 0), ("create", 1, 1)], None, "row 2.*created again"),
    "deleted first": ([("create", 2, 0), ("delete", 1, 1)], None, "row 2.*deleted before it is created"),
    "deleted twice": ([("create", 1, 0), ("delete", 1, 1), ("delete", 1, 2)], None, "row 3.*deleted before"),
    "the same place twice": ([("create", 1, 0), ("create", 2, 1)], [4, 4], "column seq, row 2.*4 was there before"),
    "no time": ([("create", 1, None)], None, "column t, row 1.*missing"),
}


@pytest.mark.parametrize("kind", BAD_EVENTS)
def test_events_that_make_no_sense_are_refused_with_their_row(kind):
    rows, seq, said = BAD_EVENTS[kind]
    with pytest.raises(InvalidFileError, match=said):
        made(events_table(rows, seq=seq))


def test_deletes_may_be_absent_only_where_they_are_forgotten():
    with pytest.raises(InvalidFileError, match="t_delete or t_delete_est"):
        made(table_of(t_delete=None))
    assert len(made(table_of(t_delete=None), forget_deletes=True).events) == 4


def test_creation_times_may_be_absent_only_where_the_order_is_drawn():
    with pytest.raises(InvalidFileError, match="t_create"):
        made(table_of(t_create=None))
    assert len(made(table_of(t_create=None, t_delete=None), shuffle=True).events) == 4


def test_a_column_op_that_the_scenario_names_must_be_there():
    trace = trace_of(columns={"op": "what"})
    with pytest.raises(InvalidFileError, match="no column what for op"):
        trace_lives(columns_in(table_of(), op="what"), trace)
