from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.whatif.report.downsample import MOST_POINTS, kept_points

VALUES = st.floats(allow_nan=True, allow_infinity=True, width=32)


def test_a_short_line_keeps_every_point() -> None:
    assert kept_points([np.zeros(MOST_POINTS)]).tolist() == list(range(MOST_POINTS))


def test_no_lines_and_empty_lines_keep_nothing() -> None:
    assert len(kept_points([])) == 0
    assert len(kept_points([np.empty(0)])) == 0


@given(st.lists(st.lists(VALUES, min_size=60, max_size=60), min_size=1, max_size=4), st.integers(8, 40))
def test_extremes_ends_and_a_point_of_each_gap_survive(lines: list[list[float]], most: int) -> None:
    arrays = [np.array(line) for line in lines]
    kept = kept_points(arrays, most)
    assert np.array_equal(kept, np.unique(kept))
    assert kept[0] == 0
    assert kept[-1] == 59
    for line in arrays:
        known = line[np.isfinite(line)]
        if len(known):
            assert np.nanmin(np.where(np.isfinite(line), line, np.nan)[kept]) == known.min()
            assert np.nanmax(np.where(np.isfinite(line), line, np.nan)[kept]) == known.max()
        if not np.isfinite(line).all():
            assert not np.isfinite(line[kept]).all()


def test_a_line_of_a_million_points_becomes_one_that_a_page_can_carry() -> None:
    line = np.sin(np.arange(1_000_000) / 777)
    line[123_456] = 5
    kept = kept_points([line])
    assert len(kept) <= MOST_POINTS
    assert 123_456 in kept


def test_a_gap_inside_a_line_stays_open() -> None:
    line = np.arange(10_000.0)
    line[5_000:5_003] = np.nan
    kept = kept_points([line])
    assert np.isnan(line[kept]).any()
