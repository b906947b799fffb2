"""The process's memory around a start: what starting makes stays, what it needed on the way goes back."""

from __future__ import annotations

import ctypes
import gc

import pyarrow as pa

_THRESHOLDS = (20_000, 20, 50)
"""A call makes some hundred containers, which go away with it: by the interpreter's own thresholds the collector would
look at all calls that are open after every few of them."""


def postpone_collection() -> None:
    """Keep Python's collector from running: a start makes much that stays, and walking through it finds nothing."""
    gc.disable()


def settle() -> None:
    """Return unused memory to the system, and have the collector run again and pass over what there is now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    gc.enable()
    give_back()


def give_back() -> None:
    """Return memory that was freed, but is kept for later use, to the system; 10 ms after a million hosts."""
    pa.default_memory_pool().release_unused()
    # other C libraries than GNU's give back by themselves
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
