"""LeafMasks: which hosts pass the text filters of classes, a bit a host; masks of equal content are one."""

from __future__ import annotations

import hashlib
from weakref import ref

import numpy as np
import numpy.typing as npt


class LeafMasks:
    """Masks by number, as words of 64 bits; each stays as long as somebody who added it has not dropped it."""

    def __init__(self, words: npt.NDArray[np.uint64]) -> None:
        self.words = words
        """uint64[masks, leaves]: bit j of a word is row j of the leaf."""
        self._users: dict[int, int] = {}
        self._number_of: dict[bytes, int] = {}
        self._content_of: dict[int, bytes] = {}
        self._seen: dict[int, tuple[ref[npt.NDArray[np.uint8]], bytes]] = {}

    def add(self, mask: npt.NDArray[np.uint8]) -> int:
        """Return the number of a mask (uint8 a row, 0 or 1), a new one if none has its content.

        A mask must not be written to as long as it is in use anywhere: it is known again by the array it is.
        """
        known = self._seen.get(id(mask))
        content = known[1] if known is not None and known[0]() is mask else b""
        number = self._number_of.get(content)
        if number is None:
            packed = np.packbits(mask, bitorder="little")
            content = hashlib.blake2b(packed.data, digest_size=16).digest()
            if len(self._seen) > 4 * len(self.words):
                self._seen.clear()
            self._seen[id(mask)] = (ref(mask), content)
            number = self._number_of.get(content)
        if number is None:
            number = next(item for item in range(len(self.words)) if item not in self._users)
            self.words[number] = packed.view("<u8")
            self._users[number] = 0
            self._number_of[content] = number
            self._content_of[number] = content
        self._users[number] += 1
        return number

    def drop(self, number: int) -> None:
        """Give up one use of a mask."""
        self._users[number] -= 1
        if not self._users[number]:
            del self._users[number]
            del self._number_of[self._content_of.pop(number)]

    def replace(self, number: int, mask: npt.NDArray[np.uint8]) -> tuple[int, npt.NDArray[np.int64]]:
        """Drop a mask for another; return that one's number, and the leaves where the two differ."""
        new = self.add(mask)
        differing = np.flatnonzero(self.words[number] != self.words[new])
        self.drop(number)
        return new, differing
