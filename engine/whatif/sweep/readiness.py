"""Readiness: a chain's kernels compiled or loaded before a run needs them, by one process at a time."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from engine.scheduler.chain import Chain
from engine.scheduler.compiler import compiling
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.warming import load_first

_MOST_KEPT = 256


def make_ready(options: SchedulerOptions) -> None:
    """Have the kernels of a chain that place instances ready in this process.

    Workers that begin at the same time with a chain never seen compile it once: the others wait, and then load it.
    """
    _load(msgspec.json.encode(options))


@lru_cache(maxsize=_MOST_KEPT)
def _load(options: bytes) -> None:
    with compiling():
        load_first(Chain.from_options(msgspec.json.decode(options, type=SchedulerOptions)))
