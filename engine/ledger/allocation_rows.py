"""Allocations as rows of one numpy type: how they are kept in blocks, and how consumers of theirs are told apart."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from engine.ledger.records import CONSUMER_BYTES

BLOCK_ROWS = 16_384
"""The most allocations in one block: about 700 kB."""

ALLOCATION = np.dtype(
    [
        ("consumer", "V16"),
        ("host", "<i4"),
        ("shape", "<i4"),
        ("owner", "<i4"),
        ("created_us", "<i8"),
        ("released_us", "<i8"),
    ]
)
"""One allocation as a block has it; a ``released_us`` of 0 means held."""
Rows = npt.NDArray[np.void]
"""ALLOCATION[n], in claim order."""
Keys = npt.NDArray[np.uint64]
"""uint64[n, 2]: the consumers of rows."""

NO_ROWS = np.empty(0, ALLOCATION)


def keys_of(rows: Rows) -> Keys:
    """Return the consumers of rows."""
    return joined_keys(rows["consumer"].tobytes())


def joined_keys(consumers: bytes) -> Keys:
    """Return joined consumers as keys."""
    return np.frombuffer(consumers, np.uint64).reshape(-1, 2)


def blocks_of(rows: Rows, block_rows: int = BLOCK_ROWS) -> Iterator[Rows]:
    """Yield rows in blocks, all but the last of them full."""
    for start in range(0, len(rows), block_rows):
        yield rows[start : start + block_rows]


class KeyHash:
    """A hash of consumers to 64 bits under a secret, so that nobody can choose consumers that collide.

    It is the multilinear hash of Carter and Wegman over four words of 32 bits: for any two consumers all but one in
    2**32 secrets tell them apart. Whoever needs to be certain compares the consumers besides, and takes another secret.
    """

    def __init__(self) -> None:
        secret = np.frombuffer(os.urandom(5 * 8), np.uint64)
        self._added = secret[0]
        self._factors = secret[1:] | np.uint64(1)

    def __call__(self, keys: Keys) -> npt.NDArray[np.uint64]:
        """Return uint64[n]: the hash of each consumer."""
        words = np.ascontiguousarray(keys).view(np.uint32).reshape(-1, CONSUMER_BYTES // 4)
        total = np.full(len(words), self._added)
        for index, factor in enumerate(self._factors):
            total += words[:, index] * factor
        return total
