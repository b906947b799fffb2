from __future__ import annotations

from engine.cli.rejections import rejection_rows


def test_each_filter_leaves_what_the_one_before_left_less_what_it_removed():
    assert list(rejection_rows({"A": 3, "B": 0, "C": 7}, 10)) == [("A", 3, 7), ("B", 0, 7), ("C", 7, 0)]
