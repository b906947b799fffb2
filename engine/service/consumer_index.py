"""ConsumerIndex: from a consumer's 16 bytes to its place, in numpy arrays, a few tens of nanoseconds a consumer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.service.consumer_kernels import compiled

CONSUMER_BYTES = 16

Consumers: TypeAlias = npt.NDArray[np.uint64]
"""uint64[n, 2]: the 16 bytes of each consumer, as they are in memory."""
_LEAST_ENTRIES = 1024


def consumer_columns(raw: bytes) -> Consumers:
    """Return joined consumers, 16 bytes each, as columns."""
    # a copy: what only reads may not be written is another type to the kernels, which they would be compiled for anew
    return np.frombuffer(bytearray(raw), dtype=np.uint64).reshape(-1, 2)


def as_consumers(given: Consumers | Iterable[bytes]) -> Consumers:
    """Return consumers as columns, however they are given."""
    return given if isinstance(given, np.ndarray) else consumer_columns(b"".join(given))


class ConsumerIndex:
    """Places by consumer; the consumers themselves stay in the caller's column, uint64[room, 2] by place."""

    def __init__(self) -> None:
        self._kernels = compiled()
        self._secret = np.frombuffer(bytearray(os.urandom(16)), dtype=np.uint64)
        self._table = np.zeros(_LEAST_ENTRIES, dtype=np.uint64)
        self._used = 0

    def __len__(self) -> int:
        """How many consumers have a place."""
        return self._used

    @property
    def nbytes(self) -> int:
        """Bytes of the table, at most 32 a consumer."""
        return self._table.nbytes

    def find(self, wanted: Consumers, consumers: Consumers) -> npt.NDArray[np.int64]:
        """Return each wanted consumer's place, -1 where it has none."""
        places = np.empty(len(wanted), dtype=np.int64)
        self._kernels.find(wanted, self._table, consumers, self._secret, places)
        return places

    def look_up(self, wanted: Consumers, consumers: Consumers) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return what ``find`` returns, and whether each consumer is already among the wanted ones before it."""
        places = np.empty(len(wanted), dtype=np.int64)
        repeated = np.empty(len(wanted), dtype=np.bool_)
        scratch = _table_for(len(wanted))
        self._kernels.look_up(wanted, self._table, consumers, self._secret, scratch, places, repeated)
        return places, repeated

    def match(self, wanted: Consumers, among: Consumers) -> npt.NDArray[np.int64]:
        """Return where each wanted consumer comes first in ``among``, -1 where it does not."""
        indices = np.empty(len(wanted), dtype=np.int64)
        self._kernels.match(wanted, among, self._secret, _table_for(len(among)), indices)
        return indices

    def put(self, places: npt.NDArray[np.int64], consumers: Consumers) -> None:
        """Give the consumers at these places their place, instead of any they had."""
        self._reserve(self._used + len(places), consumers)
        self._used += self._kernels.put(places, self._table, consumers, self._secret)

    def take_out(self, places: npt.NDArray[np.int64], consumers: Consumers) -> None:
        """Forget the consumers at these places, but not those that have another place by now."""
        self._used -= self._kernels.take_out(places, self._table, consumers, self._secret)

    def rebuild(self, places: npt.NDArray[np.int64], consumers: Consumers) -> None:
        """Have these places and no others; of a consumer at several the last counts."""
        self._table = _table_for(len(places))
        self._used = self._kernels.put(places, self._table, consumers, self._secret)

    def _reserve(self, many: int, consumers: Consumers) -> None:
        """Make room for so many consumers."""
        if 2 * many <= len(self._table):
            return
        low = np.uint64(0xFFFFFFFF)
        entries = self._table[self._table != 0]
        self._table = _table_for(many)
        self._kernels.put((entries & low).astype(np.int64) - 1, self._table, consumers, self._secret)


def _table_for(many: int) -> npt.NDArray[np.uint64]:
    """Return an empty table that holds so many consumers half full at most."""
    return np.zeros(max(_LEAST_ENTRIES, 1 << (2 * many - 1).bit_length() if many else 0), dtype=np.uint64)
