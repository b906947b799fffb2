"""Instances poured into a fleet in an order drawn anew, and more of them drawn until they ask for a share of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.errors import InvalidRequestError
from engine.whatif.workload import Events
from engine.whatif.workloads.limits import MAX_INSTANCES

Numbers = NDArray[np.int64]


def in_turn_events(many: int) -> Events:
    """Return the creates of so many instances, one a second from 0 on: their times are their places in the order."""
    return Events(np.arange(many), np.ones(many, dtype=np.bool_), np.arange(many, dtype=np.float64))


def drawn_until(asked: Numbers, wanted: int, rng: np.random.Generator) -> Numbers:
    """Return which instances come again: drawn with replacement until their ``asked`` amounts make ``wanted``.

    The one that reaches it is the last; none come where nothing is wanted. Raises InvalidRequestError where no instance
    asks for any, or too many would be needed.
    """
    if wanted <= 0:
        return np.empty(0, dtype=np.int64)
    mean = float(asked.mean()) if len(asked) else 0.0
    if not mean > 0:
        raise InvalidRequestError(
            "workload.trace.pad_resource: no instance of the trace asks for it; name a resource class that some do",
            field="workload.trace.pad_resource",
        )
    drawn: list[Numbers] = []
    total = many = 0
    while total < wanted:
        # a little more than are wanted on average, so that one or two rounds do
        chunk = int((wanted - total) / mean * 1.05) + 16
        many += chunk
        if many > MAX_INSTANCES:
            raise InvalidRequestError(
                f"workload.trace.pad_percent: takes more than {MAX_INSTANCES} instances; pad to less",
                field="workload.trace.pad_percent",
            )
        picks = rng.integers(0, len(asked), chunk)
        sums = np.cumsum(asked[picks])
        reached = int(np.searchsorted(sums, wanted - total))
        drawn.append(picks[: reached + 1])
        total += int(sums[min(reached, chunk - 1)])
    return np.concatenate(drawn)


def copies_named(names: pa.Array, picks: Numbers) -> pa.Array:
    """Return the names of instances that are ``picks`` among ``names``: that of a first as it is, of others numbered.

    ``a``, ``a~2``, ``a~3``: all are texts where any comes more than once.
    """
    order = np.argsort(picks, kind="stable")
    ordered = picks[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(picks) else order
    counts = np.diff(np.append(starts, len(picks)))
    copy = np.empty(len(picks), dtype=np.int64)
    copy[order] = np.arange(len(picks)) - np.repeat(starts, counts) + 1
    taken = names.take(pa.array(picks))
    if not (copy > 1).any():
        return taken
    texts = taken.cast(pa.string())
    numbered = pc.binary_join_element_wise(texts, pa.array(copy).cast(pa.string()), "~")
    return pc.if_else(pa.array(copy > 1), numbered, texts)
