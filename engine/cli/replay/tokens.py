"""A replay's tokens: the uuids of its instances, the same in every replay of the same name."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

TOKEN_BYTES = 16


def run_tokens(run: str, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Returns 16 bytes a row, shape (n, 16): uuids of version 8 that the run's name and the row's number decide.

    Both halves are permutations of the row number (the finisher of splitmix64, by Steele, Lea and Flood, keyed with the
    run's name): two rows share a token only if the bits that mark it as a uuid hide the difference in both halves.
    """
    keys = np.frombuffer(blake2b(run.encode(), digest_size=TOKEN_BYTES).digest(), "<u8")
    tokens = np.empty((len(rows), 2), ">u8")
    for half, key in enumerate(keys):
        tokens[:, half] = _mixed(rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + key)
    as_bytes = tokens.view(np.uint8)
    as_bytes[:, 6] = as_bytes[:, 6] & 0x0F | 0x80
    as_bytes[:, 8] = as_bytes[:, 8] & 0x3F | 0x80
    return as_bytes


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
