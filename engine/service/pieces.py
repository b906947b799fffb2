"""Pieces: bytes that came in pieces, read as one file without putting them together."""

from __future__ import annotations

from collections import deque


class Pieces:
    """A file of pieces that are given up as they are read; Arrow reads it through ``pyarrow.PythonFile``."""

    def __init__(self, pieces: deque[bytes]) -> None:
        self.closed = False
        self._pieces = pieces
        self._taken = 0
        """Bytes of the first piece that were read."""

    def read(self, size: int = -1) -> bytes:
        """Return the next ``size`` bytes, or all that are left where there are fewer or ``size`` is negative."""
        found: list[memoryview | bytes] = []
        missing = size
        while self._pieces and missing:
            first = self._pieces[0]
            end = len(first) if missing < 0 else min(len(first), self._taken + missing)
            found.append(memoryview(first)[self._taken : end])
            missing -= end - self._taken if missing > 0 else 0
            self._taken = end
            if end == len(first):
                self._pieces.popleft()
                self._taken = 0
        return b"".join(found)

    def close(self) -> None:
        """Give up what is left."""
        self.closed = True
        self._pieces.clear()
