"""LazySurvivors: which hosts pass the state filters, found out only of those that decide the choice.

Weights are normalised over the hosts that pass every filter, so all of them seem to have to be fitted first. But a
weigher's range is known once a host that passes holds its least value and one its greatest, among hosts of which none
that passes is missing; then the order of weights is that of the true survivors, and the best that passes is the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Ask = Callable[[Rows], npt.NDArray[np.bool_]]
"""Returns, for each of some rows, whether it passes the state filters."""

_UNKNOWN, _FAILS, _PASSES = -1, 0, 1


class LazySurvivors:
    """Hosts in the running, ``rows``, and what is known of each; ``known`` is 1 or 0 where the verdict is, -1 else."""

    def __init__(self, rows: Rows, known: npt.NDArray[np.int8], ask: Ask) -> None:
        self.rows = rows
        self._status = known.copy()
        self._ask = ask
        self._places: npt.NDArray[np.int64] | None = None
        self.asked = 0
        """How many rows were asked about."""

    @classmethod
    def of_nobody(cls) -> LazySurvivors:
        """Return those among no hosts at all."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8), lambda rows: np.ones(len(rows), np.bool_))

    @property
    def running(self) -> Rows:
        """The rows that pass, or of which it is not known that they fail, in their order."""
        return np.asarray(self.rows[self._status != _FAILS])

    @property
    def passing(self) -> Rows:
        """The rows that are known to pass, in their order."""
        return np.asarray(self.rows[self._status == _PASSES])

    def ask_all(self) -> None:
        """Ask about every row that is not known."""
        self._learn(np.flatnonzero(self._status == _UNKNOWN))

    def settle(self, values: Sequence[npt.NDArray[np.float64]]) -> None:
        """Make sure that rows that pass hold the least and the greatest of each of ``values``, aligned with ``rows``.

        At least two rows are known to pass afterwards, or of none it is unknown whether it does.
        """
        for each in values:
            for signed in (each, -each):
                self._hold_top(signed)
        many = 1
        while (self._status == _PASSES).sum() < 2:
            unknown = np.flatnonzero(self._status == _UNKNOWN)
            if not len(unknown):
                return
            self._learn(unknown[:many])
            many *= 2

    def passes(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return, for each of ``rows``, some of those in the running, whether it passes."""
        places = self._place_of(rows)
        self._learn(places[self._status[places] == _UNKNOWN])
        return np.asarray(self._status[places] == _PASSES)

    def _place_of(self, rows: Rows) -> npt.NDArray[np.int64]:
        if self._places is None:
            self._places = np.full(int(self.rows.max(initial=-1)) + 1, -1, dtype=np.int64)
            self._places[self.rows] = np.arange(len(self.rows))
        return self._places[rows]

    def _hold_top(self, values: npt.NDArray[np.float64]) -> None:
        """Make sure that a row that passes holds the greatest value of those in the running.

        Where one after another fails, twice as many are asked about each time: many at once cost less each, and about
        twice as many as had to be are asked about at most.
        """
        many = 1
        while len(unknown := np.flatnonzero(self._status == _UNKNOWN)):
            running = self._status != _FAILS
            holds = running & (values == values[running].max())
            if (holds & (self._status == _PASSES)).any():
                return
            best = np.argpartition(-values[unknown], many - 1)[:many] if many < len(unknown) else slice(None)
            self._learn(unknown[best])
            many *= 2

    def _learn(self, places: npt.NDArray[np.int64]) -> None:
        if len(places):
            self._status[places] = self._ask(self.rows[places])
            self.asked += len(places)
