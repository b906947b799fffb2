"""The search for a provider for each variable: in a fixed order, cut early, never twice over what is alike."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from engine.placement.problem import Problem
from engine.placement.state import State

PATIENCE = 100
"""Dead ends in a row after which a choice is kept only if a search in the best order finds that it can be finished."""


@dataclass(slots=True)
class _Level:
    """One variable being decided: the options still to try, and whether any of those tried led to a solution."""

    number: int
    options: Iterator[int]
    reached: bool = False


class Search:
    """All ways to serve a problem's variables, as tuples of providers' indices, in lexicographic order.

    ``kinds`` says which solutions count as different. None: all of them do. Otherwise it holds one value for each
    provider, and of solutions that differ only by an exchange of providers of equal kind that are alike in all that
    the query sees, the first is found alone. With ``by_group`` False it does not matter either which of several
    variables that ask for the same a provider serves: enough to know whether there is any solution.

    ``steps`` counts the providers tried. States from which nothing was reached are remembered up to such exchanges, so
    a problem of many like providers fails after few steps, too. Where dead ends pile up all the same, because what
    cannot be served comes late in the order, each choice is first tested by serving the tightest variable first.
    """

    def __init__(self, problem: Problem, kinds: Sequence[Hashable] | None = None, *, by_group: bool = True) -> None:
        self.steps = 0
        self._state = State(problem)
        self._kinds = kinds
        self._by_group = by_group
        self._failed: set[Hashable] = set()
        self._dead_ends = 0

    def solutions(self) -> Iterator[tuple[int, ...]]:
        """Yield the solutions; to be called once."""
        variables = range(len(self._state.problem.variables))
        if not variables or not self._state.hopeful(self._state.options()):
            return
        for _ in self._walk(in_order=True):
            self._dead_ends = 0
            yield tuple(self._state.chosen[number] for number in variables)

    def _walk(self, *, in_order: bool) -> Iterator[None]:
        """Serve the open variables in all ways, in their order or the tightest first, pausing at each way found."""
        state = self._state
        last = len(state.problem.variables)
        start = len(state.chosen)
        levels = [self._level(in_order)]
        while levels:
            level = levels[-1]
            if len(state.chosen) == start + len(levels):
                state.give_back()
            option = next(level.options, None)
            if option is None:
                levels.pop()
                if not level.reached:
                    self._dead_ends += 1
                    self._failed.add(state.key())
                elif levels:
                    levels[-1].reached = True
                continue
            self.steps += 1
            state.take(level.number, option)
            if not state.sound(level.number) or not (len(state.chosen) == last or self._worth(in_order)):
                continue
            if len(state.chosen) == last:
                level.reached = True
                yield
            else:
                levels.append(self._level(in_order))

    def _worth(self, in_order: bool) -> bool:
        """Return whether it is worth going on from here, as far as is looked."""
        if not self._failed:  # looking has its price, and the first way mostly works
            return True
        state = self._state
        if state.key() in self._failed:
            return False
        options = state.options()
        if not state.hopeful(options):
            return False
        return not in_order or self._dead_ends < PATIENCE or self._finishes()

    def _finishes(self) -> bool:
        """Return whether the open variables can all be served, whatever the order; the state is as before."""
        start = len(self._state.chosen)
        found = next(self._walk(in_order=False), self) is None
        while len(self._state.chosen) > start:
            self._state.give_back()
        return found

    def _level(self, in_order: bool) -> _Level:
        """Return the next variable to decide, with those of its options that are worth trying."""
        state = self._state
        if in_order:
            number = len(state.chosen)
            options = [option for option in state.problem.variables[number].options if state.fits(number, option)]
            if self._kinds is None:
                return _Level(number, iter(options))
            labels = state.told(self._kinds) if self._by_group else state.labels
        else:
            offers = state.options()
            number = min(offers, key=lambda each: len(offers[each]))
            options, labels = offers[number], state.labels
        codes, _ = state.codes(labels)
        first: dict[int, int] = {}
        for option in options:
            first.setdefault(codes[option], option)
        return _Level(number, iter(first.values()))
