"""KernelParts: arrays that a kernel works on again and again, handed over as one table of addresses.

Taking some sixty arrays apart for a call costs numba ten microseconds, as much as ten decisions. Nearly all of them are
the same from call to call, so their addresses are kept, and the kernel makes arrays of them (see leaf_vectors).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.scheduler.leaf_vectors import ARRAY_WORDS


class Part(NamedTuple):
    """An array of a kernel: its name there, its type and number of dimensions."""

    name: str
    dtype: str
    dimensions: int

    def line(self, number: int) -> str:
        """Return the line of a kernel that takes the part from line ``number`` of the table."""
        return f"{self.name} = {self.dtype}_{self.dimensions}d(parts, {number})"


class KernelParts:
    """The arrays of one kernel, by the number of their part; what is kept alive keeps its address."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)
        self.table = np.zeros((len(parts), ARRAY_WORDS), dtype=np.int64)
        """int64[parts, 4]: address and lengths."""
        self.arrays: list[npt.NDArray[Any] | None] = [None] * len(parts)

    def put(self, number: int, array: npt.NDArray[Any]) -> None:
        """Hand over an array as a part; raise TypeError for one of another type or shape, or not in one piece."""
        part = self.parts[number]
        if array.dtype != part.dtype or array.ndim != part.dimensions or not array.flags.c_contiguous:
            raise TypeError(
                f"{part.name} has to be {part.dtype} in {part.dimensions} dimensions and in one piece, "
                f"not {array.dtype} in {array.ndim}"
            )
        self.table[number, 0] = array.__array_interface__["data"][0]
        self.table[number, 1 : 1 + array.ndim] = array.shape
        self.arrays[number] = array
