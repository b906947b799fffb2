from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidFileError, InvalidRequestError
from engine.whatif.workloads.trace_sizes import check_scale, is_complete, scaled_up, sizes_of
from tests.whatif.workloads.samples import columns_in, table_of, trace_of


@given(st.lists(st.integers(0, 99_999), min_size=1, max_size=20), st.sampled_from([1, 10, 100, 1000, 1024]))
@settings(deadline=None)
def test_decimal_sizes_that_come_out_whole_are_not_rounded_up_beyond(thousandths, factor):
    values = [number / 1000 for number in thousandths]
    columns = columns_in(pa.table({"x": pa.array(values, pa.float64())}))
    expected = [ceil(Fraction(number, 1000) * factor) for number in thousandths]
    assert scaled_up(columns, "x", float(factor)).tolist() == expected


def test_what_32_bits_cannot_say_exactly_is_not_rounded_up_either():
    columns = columns_in(pa.table({"x": pa.array([0.1, 0.7, 0.0625, 0.1001], pa.float32())}))
    assert scaled_up(columns, "x", 1000.0).tolist() == [100, 700, 63, 101]


def test_fractions_are_rounded_up_to_whole_sizes():
    columns = columns_in(table_of(vcpus=[0.25, 1.0, 1.5, 4.0], memory_mb=[1.0, 0.5, 2.0, 3.0], disk_gb=[0, 1, 2, 3]))
    vcpus, memory_mb, disk_gb = sizes_of(columns, {"memory_mb": 1024})
    assert vcpus.tolist() == [1, 1, 2, 4]
    assert memory_mb.tolist() == [1024, 512, 2048, 3072]
    assert disk_gb.tolist() == [0, 1, 2, 3]


BAD = {
    "less than nothing": ({"vcpus": [1, -0.5, 1, 1]}, {}, "column vcpus, row 2.*less than 0"),
    "missing": ({"memory_mb": [1, None, 1, 1]}, {}, "column memory_mb, row 2.*missing"),
    "endless": ({"memory_mb": [1.0, np.inf, 1.0, 1.0]}, {}, "column memory_mb, row 2.*finite"),
    "too much by its scale": ({}, {"memory_mb": 1e9}, "column memory_mb, row 1.*more than"),
    "nothing": ({"vcpus": [1, 0, 1, 1], "memory_mb": [1, 0, 1, 1]}, {}, "row 2.*asks for nothing.*skip_incomplete"),
    "text": ({"vcpus": ["1", "2", "3", "4"]}, {}, "column vcpus: holds string"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_sizes_are_refused_with_their_place(kind):
    changes, scale, said = BAD[kind]
    with pytest.raises(InvalidFileError, match=said):
        sizes_of(columns_in(table_of(**changes)), scale)


@pytest.mark.parametrize(
    ("scale", "said"),
    [({"memory": 2.0}, "is it memory_mb"), ({"t_create": 2.0}, "it scales vcpus, memory_mb, disk_gb")],
)
def test_what_cannot_be_scaled_is_refused(scale, said):
    with pytest.raises(InvalidRequestError, match=said):
        check_scale(trace_of(scale=scale))


def test_a_row_is_complete_that_says_all_sizes_and_asks_for_any():
    columns = columns_in(table_of(vcpus=[1, None, 0, 0], memory_mb=[1, 1, 0, 1]))
    assert is_complete(columns, {}, flavor="").tolist() == [True, False, False, True]
    named = columns_in(table_of(flavor=["a", None, "b", ""]))
    assert is_complete(named, {}, flavor="flavor").tolist() == [True, False, True, True]
