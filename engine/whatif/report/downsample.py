"""Which points of a long line are drawn: fewer than there are, and every extreme among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MOST_POINTS = 2_000
"""As many as a screen has columns: more make a page heavy and show nothing."""


def kept_points(lines: Sequence[npt.NDArray[np.float64]], most: int = MOST_POINTS) -> npt.NDArray[np.int64]:
    """Return which points to draw of ``lines`` over a common x, as ascending indexes; all where there are few.

    The points are cut into runs of equal length. Of each run the first, the last, and of each line the least, the
    greatest and the first that is no number are kept, so no peak is lost and no gap is closed. At most about ``most``.
    """
    count = len(lines[0]) if lines else 0
    if count <= most:
        return np.arange(count, dtype=np.int64)
    runs = max(1, most // (2 + 2 * len(lines)))
    edges = np.linspace(0, count, runs + 1).astype(np.int64)
    starts = np.unique(edges[:-1])
    kept = [starts, np.append(starts[1:], count) - 1]
    for line in lines:
        gaps = ~np.isfinite(line)
        kept += [_first_where(np.where(gaps, np.inf, line), starts, np.minimum)]
        kept += [_first_where(np.where(gaps, -np.inf, line), starts, np.maximum)]
        if gaps.any():
            kept += [_gap_ends(gaps, starts)]
    return np.unique(np.concatenate(kept))


def _first_where(values: npt.NDArray[np.float64], starts: npt.NDArray[np.int64], of: np.ufunc) -> npt.NDArray[np.int64]:
    """Return of each run the first place at which its extreme stands."""
    extremes = of.reduceat(values, starts)
    lengths = np.diff(np.append(starts, len(values)))
    places = np.flatnonzero(values == np.repeat(extremes, lengths))
    runs = np.searchsorted(starts, places, side="right")
    _, first = np.unique(runs, return_index=True)
    return places[first]


def _gap_ends(gaps: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return of each run the first point that is no number, which keeps the line open there."""
    places = np.flatnonzero(gaps)
    _, first = np.unique(np.searchsorted(starts, places, side="right"), return_index=True)
    return places[first]
