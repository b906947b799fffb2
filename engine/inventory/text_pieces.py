"""Pieces of a text column: some texts that never change, kept as small as they can be."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.inventory.uuid_texts import DASHES, UUID_LENGTH, uuid_texts

_SHORT = 1 << 16


class Piece(Protocol):
    """Up to PIECE_ROWS texts that never change; ``nbytes`` is what they take."""

    nbytes: int

    def __len__(self) -> int:
        """Return how many texts there are."""

    def text(self, place: int) -> str:
        """Return the text at a place, which must be one of the piece's."""

    def texts(self) -> list[str]:
        """Return all texts, in order."""

    def arrow(self) -> pa.Array:
        """Return all texts as a column (string)."""


class PlainPiece:
    """Texts one behind the other, with where each ends."""

    __slots__ = ("_bounds", "_joined", "nbytes")

    def __init__(self, joined: str, bounds: npt.NDArray[np.integer[Any]]) -> None:
        """``bounds`` are those of each text in ``joined``, in characters, one more than there are texts."""
        code, kind = ("H", np.uint16) if len(joined) < _SHORT else ("I", np.uint32)
        self._joined = joined
        self._bounds = array(code, bounds.astype(kind).tobytes())
        self.nbytes = joined.__sizeof__() + self._bounds.itemsize * len(self._bounds)

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlainPiece) and self._joined == other._joined and self._bounds == other._bounds

    def __hash__(self) -> int:
        return hash(self._joined)

    def text(self, place: int) -> str:
        """Return the text at a place."""
        bounds = self._bounds
        return self._joined[bounds[place] : bounds[place + 1]]

    def texts(self) -> list[str]:
        """Return all texts."""
        joined = self._joined
        return [joined[start:end] for start, end in pairwise(self._bounds.tolist())]

    def arrow(self) -> pa.Array:
        """Return all texts as a column."""
        if not self._joined.isascii():
            return pa.array(self.texts(), pa.string())
        bounds = np.array(self._bounds, dtype=np.int32)
        return pa.StringArray.from_buffers(len(self), pa.py_buffer(bounds), pa.py_buffer(self._joined.encode()))


class UuidPiece:
    """Uuids in their canonical text (lower case, five groups), 16 bytes each."""

    __slots__ = ("_packed", "nbytes")

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self.nbytes = len(packed)

    def __len__(self) -> int:
        return len(self._packed) // 16

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UuidPiece) and self._packed == other._packed

    def __hash__(self) -> int:
        return hash(self._packed)

    def text(self, place: int) -> str:
        """Return the text at a place."""
        return _uuid_text(self._packed[16 * place : 16 * place + 16].hex())

    def texts(self) -> list[str]:
        """Return all texts."""
        digits = self._packed.hex()
        return [_uuid_text(digits[start : start + 32]) for start in range(0, len(digits), 32)]

    def arrow(self) -> pa.Array:
        """Return all texts as a column."""
        return uuid_texts(self._packed)


def _uuid_text(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def piece_of_joined(joined: str, bounds: npt.NDArray[np.integer[Any]]) -> Piece:
    """Return the smallest piece of these texts, from which they come back exactly as they are."""
    count = len(bounds) - 1
    packed = _packed_uuids(joined, count) if count and len(joined) == UUID_LENGTH * count else None
    # the same length in all is not yet the same length in each
    if packed is not None and bool((np.diff(bounds) == UUID_LENGTH).all()):
        return UuidPiece(packed)
    return PlainPiece(joined, bounds)


def _packed_uuids(joined: str, count: int) -> bytes | None:
    """Return the bytes of ``count`` canonical uuids, None where one of the texts is anything else."""
    if not joined.isascii() or joined.count("-") != len(DASHES) * count or joined != joined.lower():
        return None
    letters = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(count, UUID_LENGTH)
    if not (letters[:, DASHES] == ord("-")).all():
        return None
    try:
        packed = bytes.fromhex(joined.replace("-", ""))
    except ValueError:
        return None
    # fromhex passes over blanks
    return packed if len(packed) == 16 * count else None


def piece_of(texts: Sequence[str]) -> Piece:
    """Return a piece of up to PIECE_ROWS texts."""
    bounds = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=bounds[1:])
    return piece_of_joined("".join(texts), bounds)
