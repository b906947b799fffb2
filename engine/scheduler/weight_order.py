"""The order of hosts by weight: best first, ties as they were (nova.weights, BaseWeightHandler.get_weighed_objects)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


def in_weight_order(rows: Rows, weights: npt.NDArray[np.float64]) -> Rows:
    """Return ``rows`` by descending weight (``weights`` is float64 by row of the table); equals keep their order.

    A weight that is no number, as an aggregate's multiplier makes it with nova_quirks, has no place in an order: where
    there is one the answer is what Python's sort happens to leave, as in nova.
    """
    mine = weights[rows]
    if np.isnan(mine).any():
        return rows[sorted(range(len(rows)), key=mine.tolist().__getitem__, reverse=True)]
    return np.asarray(rows[np.argsort(-mine, kind="stable")])
