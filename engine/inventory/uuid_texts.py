"""Uuids' canonical texts as an Arrow column, made of their bytes without a Python object each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

UUID_BYTES: Final = 16
UUID_LENGTH: Final = 36
DASHES: Final = (8, 13, 18, 23)
"""Where a canonical text (lower case, five groups) has its dashes."""

_DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_PLACES = np.array([place for place in range(UUID_LENGTH) if place not in DASHES])


def uuid_texts(packed: bytes | npt.NDArray[Any]) -> pa.Array:
    """Return the texts (string) of uuids whose bytes, 16 each, lie one behind the other."""
    octets = np.frombuffer(packed, dtype=np.uint8) if isinstance(packed, bytes) else packed.view(np.uint8).reshape(-1)
    many = len(octets) // UUID_BYTES
    digits = np.empty((many, 2 * UUID_BYTES), dtype=np.uint8)
    octets = octets.reshape(many, UUID_BYTES)
    digits[:, 0::2] = _DIGITS[octets >> 4]
    digits[:, 1::2] = _DIGITS[octets & 15]
    letters = np.full((many, UUID_LENGTH), ord("-"), dtype=np.uint8)
    letters[:, _PLACES] = digits
    bounds = np.arange(0, UUID_LENGTH * (many + 1), UUID_LENGTH, dtype=np.int32)
    return pa.StringArray.from_buffers(many, pa.py_buffer(bounds), pa.py_buffer(letters))
