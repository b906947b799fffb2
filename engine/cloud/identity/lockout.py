"""Lockout: whoever guesses wrong too often waits, so that passwords cannot be tried out one after another."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

_KEPT = 10_000


class Lockout:
    """Counts wrong guesses for each account: after ``attempts`` of them none counts for ``duration_s`` (0: no lockout).

    Counted in memory, for the ``_KEPT`` accounts guessed at last, of users that exist and of names that do not.
    """

    def __init__(self, attempts: int, duration_s: float, clock: Callable[[], float]) -> None:
        self._attempts = attempts
        self._duration_s = duration_s
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def is_locked(self, account: str) -> bool:
        """Whether an account takes no guess at the moment."""
        count, last = self._failures.get(account, (0, 0.0))
        return 0 < self._attempts <= count and self._clock() < last + self._duration_s

    def failed(self, account: str) -> None:
        """Count a wrong guess; one made while the account is locked makes that no longer."""
        if self._attempts == 0 or self.is_locked(account):
            return
        count, last = self._failures.pop(account, (0, 0.0))
        now = self._clock()
        self._failures[account] = (count + 1 if now < last + self._duration_s else 1, now)
        while len(self._failures) > _KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, account: str) -> None:
        """Forget the wrong guesses of an account."""
        self._failures.pop(account, None)
