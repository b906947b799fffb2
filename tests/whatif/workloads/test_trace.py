from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from engine.errors import InvalidFileError
from engine.whatif.workloads.trace import Shape, read_trace


def test_a_trace_is_read_in_columns(trace_file):
    trace = read_trace(trace_file(disk_gb=[0, 5, 0, 0]))
    assert trace.rows.tolist() == [0, 1, 2, 3]
    assert trace.created.tolist() == [0, 10, 20, 20]
    assert trace.ends.tolist() == [True, False, True, True]
    assert [trace.shapes[code] for code in trace.shape_codes.tolist()] == [
        Shape(1, 1024, 0),
        Shape(2, 2048, 5),
        Shape(1, 1024, 0),
        Shape(4, 4096, 0),
    ]
    assert len(trace.shapes) == 3


def test_other_number_types_and_names_are_taken(trace_file):
    file = trace_file(
        vm_id=pa.array(["c", "a", "d", "b"]).dictionary_encode(),
        t_create=[0.5, 1.5, 2.5, 2.5],
        t_delete=None,
        t_delete_est=pa.array([3, None, None, 3], pa.int32()),
        vcpus=pa.array([1, 2, 1, 4], pa.int8()),
        memory_mb=[1024.0, 2048.0, 1024.0, 4096.0],
    )
    trace = read_trace(file)
    assert trace.ranks.tolist() == [3, 1, 4, 2]
    assert trace.ends.tolist() == [True, False, False, True]
    assert trace.shapes[trace.shape_codes[3]] == Shape(4, 4096, 0)


def test_a_delete_time_that_is_nan_means_never(trace_file):
    assert read_trace(trace_file(t_delete=[20.0, float("nan"), 20.0, 30.0])).ends.tolist() == [True, False, True, True]


def test_split_keeps_its_rows_and_their_numbers(trace_file):
    file = trace_file(split=["train", "dev", "train", "dev"])
    trace = read_trace(file, split="dev")
    assert trace.rows.tolist() == [1, 3]
    assert trace.created.tolist() == [10, 20]
    with pytest.raises(InvalidFileError, match="dev, train"):
        read_trace(file, split="test")
    with pytest.raises(InvalidFileError, match="no column split"):
        read_trace(trace_file(), split="dev")


def test_limit_keeps_the_first_to_be_created(trace_file):
    trace = read_trace(trace_file(t_create=[30, 10, 20, 20], t_delete=[None] * 4, vm_id=[1, 2, 9, 3]), limit=2)
    assert trace.rows.tolist() == [1, 3]


def test_a_trace_without_rows_is_one(trace_file):
    empty = {name: pa.array([], pa.int64()) for name in ("vm_id", "t_create", "t_delete", "vcpus", "memory_mb")}
    trace = read_trace(trace_file(**empty))
    assert len(trace) == 0
    assert trace.shapes == ()


BAD = {
    "negative size": ({"vcpus": [1, 2, -1, 4]}, ("vcpus", "row 3", "vm_id 2", "-1")),
    "NaN size": ({"memory_mb": [1024.0, float("nan"), 1.0, 1.0]}, ("memory_mb", "row 2", "finite")),
    "infinite size": ({"memory_mb": [1024.0, float("inf"), 1.0, 1.0]}, ("memory_mb", "row 2", "finite")),
    "part of a vcpu": ({"vcpus": [1.0, 2.0, 1.0, 0.5]}, ("vcpus", "row 4", "whole")),
    "missing size": ({"vcpus": [1, None, 1, 4]}, ("vcpus", "row 2", "missing")),
    "absurd size": ({"memory_mb": [1, 2, 3, 2**40]}, ("memory_mb", "row 4", "more than")),
    "more than 64 bits": ({"memory_mb": pa.array([1, 2, 3, 2**63 + 1], pa.uint64())}, ("memory_mb", "too large")),
    "text size": ({"vcpus": ["1", "2", "3", "4"]}, ("vcpus", "string")),
    "no size at all": ({"vcpus": [1, 0, 1, 1], "memory_mb": [1, 0, 1, 1]}, ("row 2", "nothing")),
    "delete before create": ({"t_delete": [20, 9, 20, 30]}, ("t_delete", "row 2", "9 is before t_create 10")),
    "missing create": ({"t_create": [0, 10, None, 20]}, ("t_create", "row 3")),
    "NaN create": ({"t_create": [0.0, 10.0, float("nan"), 20.0]}, ("t_create", "row 3", "finite")),
    "time as text": ({"t_create": ["a", "b", "c", "d"]}, ("t_create", "string")),
    "lacking": ({"t_create": None}, ("t_create",)),
    "misspelt": ({"memory_mb": None, "memroy_mb": [1, 1, 1, 1]}, ("memory_mb", "'memroy_mb'")),
    "misspelt optional": ({"disk_bg": [1, 1, 1, 1]}, ("disk_bg", "is it disk_gb?")),
    "no delete column": ({"t_delete": None}, ("t_delete or t_delete_est",)),
    "doubled": ({"vm_id": [0, 1, 2, 1]}, ("vm_id", "row 4", "1 was there before")),
    "unnamed": ({"vm_id": [0, None, 2, 3]}, ("vm_id", "row 2")),
    "named by a fraction": ({"vm_id": [0.5, 1.0, 2.0, 3.0]}, ("vm_id", "double")),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_trace_is_refused_with_its_place(trace_file, kind):
    changes, said = BAD[kind]
    file = trace_file(**changes)
    with pytest.raises(InvalidFileError) as caught:
        read_trace(file)
    for text in (str(file), *said):
        assert text in caught.value.message


def test_a_bad_row_of_a_split_is_named_by_its_place_in_the_file(trace_file):
    file = trace_file(split=["train", "train", "dev", "dev"], vcpus=[1, 1, 1, -5])
    with pytest.raises(InvalidFileError, match="row 4"):
        read_trace(file, split="dev")


def test_a_file_that_is_absent_cut_short_or_something_else(tmp_path, trace_file):
    with pytest.raises(InvalidFileError, match="no such file"):
        read_trace(tmp_path / "absent.parquet")
    with pytest.raises(InvalidFileError, match="no such file"):
        read_trace(tmp_path)
    file = trace_file()
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InvalidFileError, match="whole"):
        read_trace(file)
    file.write_bytes(b"")
    with pytest.raises(InvalidFileError, match="whole"):
        read_trace(file)
    file.write_bytes(np.random.default_rng(1).bytes(1000))
    with pytest.raises(InvalidFileError, match="whole"):
        read_trace(file)
