from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.whatif.workloads.distinct import distinct_rows

VALUES = st.one_of(st.integers(0, 3), st.integers(-5, 5), st.integers(-(2**40), 2**40))


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.tuples(*[VALUES] * width), max_size=30).map(lambda r: (width, r))
    )
)
@settings(deadline=None)
def test_rows_have_one_number_exactly_if_they_are_equal_and_numbers_go_by_value(case):
    width, rows = case
    columns = [np.array([row[index] for row in rows], np.int64) for index in range(width)]
    first, codes = distinct_rows(columns)
    ordered = sorted(set(rows))
    assert codes.tolist() == [ordered.index(row) for row in rows]
    assert first.tolist() == [rows.index(row) for row in ordered]


def test_many_wide_columns_stay_within_64_bits():
    rng = np.random.default_rng(1)
    columns = [rng.integers(0, 2**62, 5000) for _ in range(5)]
    columns = [np.concatenate([column, column]) for column in columns]
    first, codes = distinct_rows(columns)
    assert len(first) == 5000
    assert codes[:5000].tolist() == codes[5000:].tolist()
    assert np.array_equal(columns[0][first[codes]], columns[0])
