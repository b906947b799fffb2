"""Company: whether a call that waits to be placed with others should go on waiting.

A batch costs its run of the kernel, its record and its sync however many calls it is for, so callers who ask again as
soon as they are answered are served sooner all at once than a few at a time. How many calls may still come is told by
how many were open at once a moment ago, and whether they are coming at all by how long ago the last one came. Who is
alone never waits.
"""

from __future__ import annotations

_WINDOW_S = 0.1
_GAP_S = 0.002
"""Calls that come one after another come sooner than this, from any number of callers at once."""
_ALONE = 2


class Company:
    """How many calls are open, and the most that were open at once in the window of time before this one."""

    __slots__ = ("_before", "_began", "_last", "_most", "open")

    def __init__(self) -> None:
        self.open = 0
        self._most = 0
        self._before = 0
        self._began = 0.0
        self._last = 0.0

    def arrived(self, now_s: float) -> None:
        """Count a call in; ``now_s`` is a time that never goes back."""
        passed = now_s - self._began
        if passed > _WINDOW_S:
            self._before = self._most if passed <= 2 * _WINDOW_S else 0
            self._most = self.open
            self._began = now_s
        self._last = now_s
        self.open += 1
        self._most = max(self._most, self.open)

    def left(self) -> None:
        """Count out a call that was answered or given up."""
        self.open -= 1

    def complete(self, waiting: int) -> bool:
        """True when so many waiting calls are all that are to be expected."""
        return waiting >= max(self._most, self._before)

    def patience_s(self, now_s: float) -> float:
        """Return how much longer the next call may take to come, nothing if it is overdue."""
        return max(0.0, self._last + _GAP_S - now_s)

    def stayed_away(self, waiting: int) -> None:
        """Expect no more than there are, where one or two have waited in vain and nobody else is open."""
        if waiting <= _ALONE and waiting == self.open:
            self._before = 0
            self._most = self.open
