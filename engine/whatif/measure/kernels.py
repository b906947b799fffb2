"""The kernels that measure: plain functions over meters (see meters), compiled from their own text.

``masks``, ``ends``, ``needs`` and ``taken`` are those of Kinds, ``values`` float64[meters, rows]. The innermost loops
run over kinds, side by side in memory, so that a host is compared with many of them at once.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.scheduler.compiler import compiling, load_kernels
from engine.scheduler.kernel_functions import functions_text

Floats: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.NDArray[np.int64]
Bytes: TypeAlias = npt.NDArray[np.uint8]

BLOCK: Final = 256
"""Hosts that are looked at together; their scratch fits the processor's nearest cache."""


def tally(
    row: Any,
    first: Any,
    last: Any,
    sign: Any,
    values: Floats,
    needs: Floats,
    lacks: Numbers,
    short: Numbers,
    counts: Numbers,
) -> None:
    """Count a host in or out of what it is short of for the kinds from ``first`` to ``last``.

    ``counts`` is int64[5, kinds]: hosts short of vCPUs, memory, disk and instances, and of nothing; ``short`` is
    scratch of the same shape.
    """
    # parts of a line, whose places count from 0, are gone through without looking at each place's sign
    short_of_any = short[4, first:last]
    for lack in range(5):
        of_lack = short[lack, first:last]
        for k in range(last - first):
            of_lack[k] = 0
    for meter in range(values.shape[0]):
        value, need, of_lack = values[meter, row], needs[meter, first:last], short[lacks[meter] - 1, first:last]
        for k in range(last - first):
            of_lack[k] |= np.int64(value < need[k])
    for lack in range(4):
        of_lack, count = short[lack, first:last], counts[lack, first:last]
        for k in range(last - first):
            short_of_any[k] |= of_lack[k]
            count[k] += sign * of_lack[k]
    count = counts[4, first:last]
    for k in range(last - first):
        count[k] += sign * (1 - short_of_any[k])


def tally_all(
    values: Floats, masks: Bytes, ends: Numbers, needs: Floats, lacks: Numbers, short: Numbers, counts: Numbers
) -> None:
    """Add to ``counts``, as ``tally`` does, what all hosts are short of; ``short`` is scratch, int64[5, a block]."""
    block = short.shape[1]
    short_of_any = short[4]
    for g in range(masks.shape[0]):
        for first in range(0, masks.shape[1], block):
            mask = masks[g, first : first + block]
            for k in range(ends[g], ends[g + 1]):
                for lack in range(5):
                    of_lack = short[lack]
                    for i in range(len(mask)):
                        of_lack[i] = 0
                for meter in range(values.shape[0]):
                    value, need, of_lack = (
                        values[meter, first : first + block],
                        needs[meter, k],
                        short[lacks[meter] - 1],
                    )
                    for i in range(len(mask)):
                        of_lack[i] |= np.int64(value[i] < need)
                for lack in range(4):
                    many, of_lack = 0, short[lack]
                    for i in range(len(mask)):
                        short_of_any[i] |= of_lack[i]
                        many += of_lack[i] & np.int64(mask[i])
                    counts[lack, k] += many
                many = 0
                for i in range(len(mask)):
                    many += (1 - short_of_any[i]) & np.int64(mask[i])
                counts[4, k] += many


def walk_back(
    rows: npt.NDArray[np.int32],
    signs: npt.NDArray[np.int8],
    operations: Numbers,
    taken: Floats,
    kinds: Numbers,
    values: Floats,
    masks: Bytes,
    ends: Numbers,
    needs: Floats,
    lacks: Numbers,
    counts: Numbers,
    found: Numbers,
) -> None:
    """Fill ``found`` (int64[refused, 5]) with the counts at each refusal, the last operation undone first.

    ``operations`` is the column of ``taken`` (float64[meters, requests]) of each operation, ``kinds`` the kind of each
    operation that was refused. ``values`` and ``counts`` are those after the last operation and change to those before
    the first.
    """
    short = np.zeros_like(counts)
    at = found.shape[0]
    for i in range(len(rows) - 1, -1, -1):
        if signs[i] == 0:
            at -= 1
            for lack in range(5):
                found[at, lack] = counts[lack, kinds[i]]
            continue
        row = rows[i]
        for g in range(masks.shape[0]):
            if masks[g, row]:
                tally(row, ends[g], ends[g + 1], -1, values, needs, lacks, short, counts)
        for meter in range(values.shape[0]):
            values[meter, row] += signs[i] * taken[meter, operations[i]]
        for g in range(masks.shape[0]):
            if masks[g, row]:
                tally(row, ends[g], ends[g + 1], 1, values, needs, lacks, short, counts)


def count_slots(
    values: Floats,
    masks: Bytes,
    ends: Numbers,
    needs: Floats,
    taken: Floats,
    most: Any,
    scratch: Floats,
    totals: Floats,
) -> None:
    """Add to ``totals`` (float64[kinds]) how many more of each kind alone fit on all hosts, at most ``most`` on one.

    ``scratch`` is float64[2, a block].
    """
    left, sums = scratch[0], scratch[1]
    for g in range(masks.shape[0]):
        for k in range(ends[g], ends[g + 1]):
            sums[:] = 0.0
            for first in range(0, masks.shape[1], len(sums)):
                mask = masks[g, first : first + len(sums)]
                for i in range(len(mask)):
                    left[i] = most * mask[i]
                for meter in range(values.shape[0]):
                    need, step = needs[meter, k], taken[meter, k]
                    if need == -np.inf:
                        continue
                    value = values[meter, first : first + len(sums)]
                    if step == 0.0:
                        for i in range(len(mask)):
                            left[i] = left[i] if value[i] >= need else 0.0
                        continue
                    for i in range(len(mask)):
                        # amounts are whole and far below 2**52, for which a division's floor is exact
                        more = np.floor((value[i] - need) / step) + 1.0
                        more = more if more > 0.0 else 0.0
                        left[i] = more if more < left[i] else left[i]
                for i in range(len(mask)):
                    sums[i] += left[i]
            totals[k] += sums.sum()


def find_open(values: Floats, masks: Bytes, ends: Numbers, needs: Floats, fits: npt.NDArray[np.bool_]) -> None:
    """Set ``fits`` (bool[rows], all False before) where one more of any kind fits."""
    for row in range(masks.shape[1]):
        for g in range(masks.shape[0]):
            if not masks[g, row] or fits[row]:
                continue
            for k in range(ends[g], ends[g + 1]):
                passes = True
                for meter in range(values.shape[0]):
                    if values[meter, row] < needs[meter, k]:
                        passes = False
                        break
                if passes:
                    fits[row] = True
                    break


@cache
def compiled() -> ModuleType:
    """Return the module of the compiled kernels ``tally_all``, ``walk_back``, ``count_slots`` and ``find_open``."""
    with compiling():
        kernels = load_kernels(functions_text((tally_all, walk_back, count_slots, find_open), (tally,)))
        values, bytes_, ends = np.zeros((1, 0)), np.zeros((0, 0), np.uint8), np.zeros(1, np.int64)
        none, table = np.zeros((1, 0)), np.zeros((5, 0), np.int64)
        kernels.tally_all(values, bytes_, ends, none, ends, np.zeros((5, 1), np.int64), table)
        kernels.walk_back(
            np.zeros(0, np.int32),
            np.zeros(0, np.int8),
            ends[:0],
            none,
            ends[:0],
            values,
            bytes_,
            ends,
            none,
            ends,
            table,
            np.zeros((0, 5), np.int64),
        )
        kernels.count_slots(values, bytes_, ends, none, none, 1.0, np.zeros((2, 1)), none[0])
        kernels.find_open(values, bytes_, ends, none, np.zeros(0, np.bool_))
    return kernels
