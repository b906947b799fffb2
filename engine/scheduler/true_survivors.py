"""The best hosts of a class view under state filters, which ask only about the hosts that decide.

Weights are normalised over the hosts that pass every filter. A view that leaves out the hosts known to fail has the
right ranges once a host that passes holds each end of each of them; then its order is that of the true survivors, and
its best that passes is the choice. A host found failing is left out and the view asked again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from engine.scheduler.inquiry import Inquiry
from engine.scheduler.registry import Filter, Weigher
from engine.scheduler.views import Leading, ViewStore

Rows = npt.NDArray[np.int64]
_NO_ROWS: Rows = np.empty(0, dtype=np.int64)
_MOST_KINDS = 256
_MOST_TURNS = 24
"""Times that a view is asked before every host is weighed instead."""
_WORTH_A_LOOK = 4
"""From so many hosts on, those that lack something plain are told before any is fitted."""
_LEAST_AT_HAND = 512
_SHARE = 8
"""So many hosts left out, or one in so many of all, are fewer to go through than all."""


@dataclass(slots=True)
class _Kind:
    """What is remembered of a kind of request: rows seen failing, and rows that held the ends of ranges."""

    failing: Rows = field(default_factory=lambda: _NO_ROWS)
    holders: dict[tuple[int, bool], int] = field(default_factory=dict)


class TrueSurvivors:
    """What one selector remembers of hosts under state filters; verdicts themselves are kept by StateVerdicts."""

    def __init__(self, views: ViewStore) -> None:
        self.views = views
        self._kinds: OrderedDict[Hashable, _Kind] = OrderedDict()

    def leading(
        self, inquiry: Inquiry, slot: int, shape: int, states: Sequence[Filter], without: Rows, wanted: int
    ) -> Leading | None:
        """Return the ``wanted`` best hosts of a class that pass ``states``, of any cell, as if ``without`` were none.

        Fewer where there are no more. None where too many hosts would have to be asked about one after the other.
        """
        request, options = inquiry.demand.request, inquiry.chain.options
        key = (
            inquiry.chain.class_key(request, inquiry.demand.amounts),
            tuple(
                (item.name, None if item.request_key is None else item.request_key(request, options)) for item in states
            ),
        )
        kind = self._kinds.setdefault(key, _Kind())
        self._kinds.move_to_end(key)
        if len(self._kinds) > _MOST_KINDS:
            self._kinds.popitem(last=False)
        search = _Search(self.views, inquiry, slot, shape, states, without, kind)
        most = max(_LEAST_AT_HAND, self.views.table.host_count // _SHARE)
        picks = wanted
        for _ in range(_MOST_TURNS):
            if len(kind.failing) + len(without) > most:
                return None
            found = search.turn(picks, wanted)
            if found is not None:
                return found
            picks = min(2 * picks, 64)
        return None


class _Search:
    """One request's search of a view for the hosts that pass its state filters."""

    def __init__(
        self,
        views: ViewStore,
        inquiry: Inquiry,
        slot: int,
        shape: int,
        states: Sequence[Filter],
        without: Rows,
        kind: _Kind,
    ) -> None:
        self.views, self.inquiry, self.states, self.kind = views, inquiry, states, kind
        self.slot, self.shape = slot, shape
        self.without = without
        self.known: dict[int, bool] = {}
        if len(kind.failing):
            # a host whose state changed since may pass by now
            kind.failing = kind.failing[self._verdicts(kind.failing) == 0]

    def turn(self, picks: int, wanted: int) -> Leading | None:
        """Return the best ``wanted`` that pass, None where hosts turned out to fail and the view is asked again."""
        left_out = np.concatenate([self.without, self.kind.failing]) if len(self.kind.failing) else self.without
        found = self.views.leading(self.slot, self.shape, without=left_out, picks=max(2, picks))
        # together with the hosts that held the ends of ranges before, for many at once cost less each
        held = [row for row in self.kind.holders.values() if row < len(self.views.table.columns["present"])]
        self.ask(np.array(list(dict.fromkeys([*found.rows.tolist(), *held])), dtype=np.int64))
        passes = self.ask(found.rows)
        is_all = len(found.rows) < max(2, picks)
        if is_all and not passes.all():
            return None
        passing = found.rows[passes]
        if not is_all and (len(passing) < max(2, wanted) or not self._ends_are_held(found, left_out)):
            return None
        many = slice(0, wanted)
        return Leading(passing[many], found.weights[passes][many], found.survivors, found.low, found.high)

    def ask(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return, for each of ``rows``, whether it passes the state filters, and remember those that fail."""
        unknown = np.array([row for row in rows.tolist() if row not in self.known], dtype=np.int64)
        if len(unknown):
            passes = np.ones(len(unknown), dtype=np.bool_)
            for plugin in self.states:
                passes[passes] = self.inquiry.verdicts.passes(
                    self.inquiry.fit, plugin, unknown[passes], worth_a_look=_WORTH_A_LOOK
                )
            self.known.update(zip(unknown.tolist(), passes.tolist(), strict=True))
            if not passes.all():
                self.kind.failing = np.union1d(self.kind.failing, unknown[~passes])
        return np.array([self.known[row] for row in rows.tolist()], dtype=np.bool_)

    def _verdicts(self, rows: Rows) -> npt.NDArray[np.int8]:
        """Return, for each of ``rows``, 0 where some filter's kept verdict is that it fails, else not 0."""
        verdicts = [self.inquiry.verdicts.known(self.inquiry.fit, plugin, rows) for plugin in self.states]
        return np.where(np.any([item == 0 for item in verdicts], axis=0), np.int8(0), np.int8(1))

    def _ends_are_held(self, found: Leading, left_out: Rows) -> bool:
        """Return whether hosts that pass hold both ends of each range, False where the view is to be asked again."""
        weighers = self.inquiry.chain.weighers
        aside = set(left_out.tolist())
        for place, index in enumerate(self.inquiry.chain.view_weighers):
            low, high = float(found.low[place]), float(found.high[place])
            if low == high:
                continue
            ends = [(high, False)] if weighers[index].minval is not None else [(low, True), (high, False)]
            for value, least in ends:
                holder = self.kind.holders.get((place, least), -1)
                if not self._holds(holder, index, value, aside):
                    holder = self._find(place, index, value, least, aside)
                    if holder < 0:
                        return False
                    self.kind.holders[place, least] = holder
        return True

    def _holds(self, row: int, index: int, value: float, aside: set[int]) -> bool:
        return (
            0 <= row < len(self.views.table.columns["present"])
            and row not in aside
            and self.views.passes(self.slot, row)
            and self._value(row, index) == value
            and (self.known[row] if row in self.known else bool(self.ask(np.array([row]))[0]))
        )

    def _find(self, place: int, index: int, value: float, least: bool, aside: set[int]) -> int:
        """Return a row that passes and has a value, -1 where none of those that have it passes.

        Where one after another fails, twice as many are asked about each time.
        """
        many, waiting = 1, []
        for rows in self.views.holders(self.slot, place, value, least=least):
            there = np.array([row for row in rows.tolist() if row not in aside], dtype=np.int64)
            waiting += there[values_of(self.inquiry, there, index) == value].tolist()
            while len(waiting) >= many:
                asked = np.array(waiting[:many], dtype=np.int64)
                passes = self.ask(asked)
                if passes.any():
                    return int(asked[np.argmax(passes)])
                waiting, many = waiting[many:], min(2 * many, 256)
        asked = np.array(waiting, dtype=np.int64)
        passes = self.ask(asked)
        return int(asked[np.argmax(passes)]) if passes.any() else -1

    def _value(self, row: int, index: int) -> float:
        return float(values_of(self.inquiry, np.array([row]), index)[0])


@cache
def _parameters(weigher: Weigher) -> tuple[str, ...]:
    return weigher.parameters


def values_of(inquiry: Inquiry, rows: Rows, index: int) -> npt.NDArray[np.float64]:
    """Return float64[rows]: what the chain's weigher at ``index`` says of rows; it is one over columns."""
    chain = inquiry.chain
    weigher = chain.weighers[index]
    amounts = inquiry.demand.amounts._asdict()
    columns = [
        [amounts[name]] * len(rows)
        if name in amounts
        else [getattr(chain.options, name)] * len(rows)
        if name in chain.plan.options
        else chain.column(inquiry.fleet, name)[rows].tolist()
        for name in _parameters(weigher)
    ]
    values = [float(weigher.body(*row)) for row in zip(*columns, strict=True)]
    if weigher.minval is not None:
        values = [max(value, weigher.minval) for value in values]
    return np.array(values, dtype=np.float64)
