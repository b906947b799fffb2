"""Peaks: the most that a workload asks for at one time, whichever so many instances are left out of it."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.scheduler.compiler import compiling, load_kernels
from engine.scheduler.kernel_functions import functions_text
from engine.whatif.workload import Events

Numbers = npt.NDArray[np.int64]


def peak_demand(events: Events, amounts: Numbers, left_out: int) -> int:
    """Return the most that instances ask for at one time, after the ``left_out`` largest there at that time.

    ``amounts`` is int64[instances]. No choice of so many instances to refuse leaves less to be held at that time.
    """
    sizes, ranks = np.unique(-amounts, return_inverse=True)
    return int(
        _compiled().peak_without(
            ranks.astype(np.int64)[events.instances], events.creates, -sizes.astype(np.int64), np.int64(left_out)
        )
    )


def peak_counts(events: Events, codes: npt.NDArray[np.int32], many: int) -> Numbers:
    """Return int64[many]: the most instances of each code that there are at one time."""
    peaks = np.zeros(many, dtype=np.int64)
    if not len(events):
        return peaks
    code_of = codes[events.instances]
    order = np.argsort(code_of, kind="stable")
    steps = np.where(events.creates[order], 1, -1)
    running = np.cumsum(steps)
    firsts = np.flatnonzero(np.r_[True, np.diff(code_of[order]) != 0])
    before = np.r_[0, running[firsts[1:] - 1]]
    peaks[code_of[order][firsts]] = np.maximum.reduceat(running, firsts) - before
    return peaks


def peak_without(ranks: Numbers, creates: npt.NDArray[np.bool_], sizes: Numbers, left_out: Any) -> Any:
    """Return the largest sum of what is there after each create, less the ``left_out`` largest of it.

    ``ranks`` are those of each event's size in ``sizes``, which fall. Counts and sums by rank are in Fenwick trees, so
    that the largest are found in as many steps as their number has digits.
    """
    many = len(sizes)
    counts = np.zeros(many + 1, dtype=np.int64)
    sums = np.zeros(many + 1, dtype=np.int64)
    top = 1
    while top * 2 <= many:
        top *= 2
    total = 0
    most = 0
    for i in range(len(ranks)):
        size = sizes[ranks[i]]
        step = 1 if creates[i] else -1
        total += step * size
        at = ranks[i] + 1
        while at <= many:
            counts[at] += step
            sums[at] += step * size
            at += at & -at
        if not creates[i] or total <= most:
            continue
        at = 0
        left = left_out
        largest = 0
        jump = top
        while jump > 0:
            if at + jump <= many and counts[at + jump] <= left:
                at += jump
                left -= counts[at]
                largest += sums[at]
            jump //= 2
        if at < many:
            largest += left * sizes[at]
        most = max(most, total - largest)
    return most


@cache
def _compiled() -> ModuleType:
    """Return the module of the compiled kernel ``peak_without``."""
    with compiling():
        kernels = load_kernels(functions_text((peak_without,)))
        none = np.zeros(0, dtype=np.int64)
        kernels.peak_without(none, none.astype(np.bool_), none, np.int64(0))
    return kernels
