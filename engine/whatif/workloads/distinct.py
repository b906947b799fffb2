"""Distinct combinations of columns, found by numbers alone: one sort of whole numbers, no Python a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_DIGITS = 2**62
_DENSE = 2**20
"""Below so many possible values a table of them is quicker than a sort."""

Numbers = NDArray[np.int64]


def distinct_rows(columns: Sequence[Numbers]) -> tuple[Numbers, Numbers]:
    """Returns the first row of each combination there is, in the order of the values, and each row's combination.

    ``columns`` are one or more of equal length; the combinations are numbered from 0.
    """
    combined = columns[0]
    for column in columns[1:]:
        combined, spans = _digits(combined), _digits(column)
        wide = int(combined.max(initial=0)) + 1
        narrow = int(spans.max(initial=0)) + 1
        if wide * narrow >= _DIGITS:
            # a column has at most as many values as rows, so that two of them always fit 64 bits
            combined, spans = _codes(combined)[1], _codes(spans)[1]
            narrow = int(spans.max(initial=0)) + 1
        combined = combined * narrow + spans
    return _codes(combined)


def _digits(values: Numbers) -> Numbers:
    """Returns values that begin at 0, in the same order."""
    return values.astype(np.int64, copy=False) - (values.min() if len(values) else 0)


def _codes(values: Numbers) -> tuple[Numbers, Numbers]:
    """Returns the first row of each value, ascending, and the number of each row's value among them."""
    digits = _digits(values)
    span = int(digits.max(initial=0)) + 1
    if not len(digits) or span > _DENSE:
        first, codes = np.unique(digits, return_index=True, return_inverse=True)[1:]
        return first.astype(np.int64), codes.astype(np.int64).reshape(-1)
    seen = np.full(span, -1, dtype=np.int64)
    # written backwards, so that the first row of each value is what stays
    seen[digits[::-1]] = np.arange(len(digits) - 1, -1, -1)
    present = np.flatnonzero(seen >= 0)
    number = np.empty(span, dtype=np.int64)
    number[present] = np.arange(len(present))
    return seen[present], number[digits]
