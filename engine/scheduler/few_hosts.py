"""Weighing of a few hosts alone: the kernels run on a copy of their columns, so that it costs what they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.inventory.schema import BLOCK_ROWS
from engine.scheduler.chain import MultiplierOverrides
from engine.scheduler.inquiry import Inquiry

Rows = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


def passing_columns(inquiry: Inquiry, rows: Rows) -> Rows:
    """Return those of ``rows``, in their order, that pass the column filters that run for the demand."""
    chain, amounts = inquiry.chain, inquiry.demand.amounts
    if _are_most(inquiry, rows):
        bits = chain.verdicts(inquiry.fleet, amounts)[rows]
    else:
        padded = np.empty(_padded(len(rows)), dtype=np.uint32)
        shapes = np.array([amounts], dtype=np.int64)
        chain.kernels.verdicts(0, shapes, chain.option_values, padded, *_columns(inquiry, rows))
        bits = padded[: len(rows)]
    running = set(inquiry.filters)
    asked = sum(1 << place for place, item in enumerate(chain.column_filters) if item in running)
    return np.asarray(rows[(bits & np.uint32(asked)) == 0])


def weights_of(inquiry: Inquiry, rows: Rows, overrides: MultiplierOverrides) -> _Floats:
    """Return float64[rows]: what each weighs, where none but ``rows`` passed; sparse weighers' values included.

    There must be no array weigher that the request concerns.
    """
    chain, fleet, request = inquiry.chain, inquiry.fleet, inquiry.demand.request
    # with most of the fleet's rows among them its own columns are read in place
    in_place = _are_most(inquiry, rows)
    length = len(fleet.columns["present"]) if in_place else _padded(len(rows))
    places = rows if in_place else np.arange(len(rows))
    mask = np.zeros(length, dtype=np.uint8)
    mask[places] = 1
    extra = np.zeros((len(chain.extra_weighers), length), dtype=np.float64)
    place_of = dict(zip(rows.tolist(), places.tolist(), strict=True)) if chain.extra_weighers else {}
    for place, index in enumerate(chain.extra_weighers):
        weigher = chain.weighers[index]
        if weigher.kind == "sparse":
            for row, value in weigher.body(request, inquiry.context).items():
                if row in place_of:
                    extra[place, place_of[row]] = value
    none = np.zeros(len(chain.column_filters), dtype=np.bool_)
    if in_place:
        weighing = chain.weigh(fleet, mask, inquiry.demand.amounts, none, overrides, extra)
        return np.asarray(weighing.weights[rows])
    weights = np.empty(length, dtype=np.float64)
    chain.kernels.weigh(
        mask,
        0,
        np.array([inquiry.demand.amounts], dtype=np.int64),
        chain.option_values,
        none,
        chain.multipliers,
        overrides.overridden,
        overrides.by_membership,
        _taken(fleet.arrays["membership"], rows),
        extra,
        weights,
        np.empty((2, len(chain.weighers)), dtype=np.float64),
        *_columns(inquiry, rows),
    )
    return weights[: len(rows)]


def _are_most(inquiry: Inquiry, rows: Rows) -> bool:
    """Whether looking at every row of the table costs no more than copying these."""
    return len(inquiry.fleet.columns["present"]) <= 2 * _padded(len(rows))


def _padded(many: int) -> int:
    """Return the length of whole blocks that hold so many rows."""
    return -(-many // BLOCK_ROWS) * BLOCK_ROWS


def _columns(inquiry: Inquiry, rows: Rows) -> list[npt.NDArray[np.generic]]:
    """Return what the kernels read of ``rows``, in whole blocks."""
    return [_taken(column, rows) for column in inquiry.chain.columns(inquiry.fleet)]


def _taken(column: npt.NDArray[np.generic], rows: Rows) -> npt.NDArray[np.generic]:
    found = np.zeros(_padded(len(rows)), dtype=column.dtype)
    found[: len(rows)] = column[rows]
    return found
