"""The middle of a search: who serves which variable so far, what room is left, what is still possible."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from engine.placement.outlook import hopeful
from engine.placement.problem import Problem
from engine.placement.symmetry import flat_codes, tree_codes


class State:
    """A problem with some of its variables served; changed by ``take`` and ``give_back``, last in, first out."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.chosen: dict[int, int] = {}
        """The provider of each variable served, in the order in which they were."""
        self.served: list[list[int]] = [[] for _ in problem.providers]
        """The variables that each provider serves."""
        self.codes = tree_codes(problem.parents) if problem.subtrees else flat_codes
        self._left = [dict(room) for room in problem.rooms]
        self._above = _ancestors(problem.parents)
        self._tops = _tops(problem, self._above)
        self._rules = [[rule for rule in problem.subtrees if v in rule] for v in range(len(problem.variables))]
        self._covered = [0]
        self._offered = _offered(problem)
        self._numbers: dict[Hashable, int] = {}
        self.labels = [self._label(number) for number in range(len(problem.providers))]
        """For each provider a number for all that decides what else it may serve, its place in the tree apart."""

    def take(self, number: int, option: int) -> None:
        """Let a provider serve an open variable that fits it."""
        variable = self.problem.variables[number]
        left = self._left[option]
        for name, amount in variable.amounts:
            left[name] -= amount
        self.served[option].append(number)
        self.chosen[number] = option
        gained = 0 if variable.granular else self.problem.covers[option]
        self._covered.append(self._covered[-1] | gained)
        self.labels[option] = self._label(option)

    def give_back(self) -> None:
        """Undo the last ``take``."""
        number, option = self.chosen.popitem()
        left = self._left[option]
        for name, amount in self.problem.variables[number].amounts:
            left[name] += amount
        self.served[option].pop()
        self._covered.pop()
        self.labels[option] = self._label(option)

    def fits(self, number: int, option: int) -> bool:
        """Return whether a provider has room for an open variable, and may serve it beside what it serves."""
        variable = self.problem.variables[number]
        if self.problem.isolate and variable.granular and self._occupied(option):
            return False
        left = self._left[option]
        return all(left[name] >= amount for name, amount in variable.amounts)

    def sound(self, number: int) -> bool:
        """Return whether the choice for one variable leaves each subtree rule that binds it a head; at the end all."""
        if not all(self._heads(rule) for rule in self._rules[number]):
            return False
        if len(self.chosen) < len(self.problem.variables):
            return True
        return self._covered[-1] == self.problem.wanted and (not self.problem.from_root or self._root_gives())

    def options(self) -> dict[int, list[int]]:
        """Return for each open variable the providers that fit and lie below a possible head of its subtree rules."""
        found = {
            number: [option for option in variable.options if self.fits(number, option)]
            for number, variable in enumerate(self.problem.variables)
            if number not in self.chosen
        }
        for rule in self.problem.subtrees:
            heads = frozenset(self._heads(rule))
            for number in rule:
                if number in found:
                    found[number] = [option for option in found[number] if heads & self._above[option]]
        return found

    def hopeful(self, options: dict[int, list[int]]) -> bool:
        """Return whether nothing that the open variables need together is known to be out of reach."""
        problem = self.problem
        if not hopeful(problem, options, self._left):
            return False
        givers = (number for number in options if problem.variables[number].amounts and 0 in options[number])
        if problem.from_root and not self._root_gives() and next(givers, None) is None:
            return False
        reach = self._covered[-1]
        for number, offer in options.items():
            if not problem.variables[number].granular:
                for option in offer:
                    reach |= problem.covers[option]
        return reach == problem.wanted and all(self._subtree_hopeful(rule, options) for rule in problem.subtrees)

    def key(self) -> Hashable:
        """Return what is equal for states from which the same can be reached, up to exchanges of like providers."""
        served = sum(1 << number for number in self.chosen)
        return served, self._covered[-1], self.codes(self.labels)[1]

    def told(self, kinds: Sequence[Hashable]) -> Sequence[int]:
        """Return the providers' labels, told apart also by kind and by the variables that they serve."""
        numbers = self._numbers
        return [
            numbers.setdefault((label, kind, tuple(served)), len(numbers))
            for label, kind, served in zip(self.labels, kinds, self.served, strict=True)
        ]

    def _occupied(self, option: int) -> bool:
        return any(self.problem.variables[number].granular for number in self.served[option])

    def _root_gives(self) -> bool:
        return any(self.problem.variables[number].amounts for number in self.served[0])

    def _heads(self, rule: tuple[int, ...]) -> list[int]:
        """Return the providers that serve or may serve one of a rule's variables and have the others under them."""
        served = [self.chosen[number] for number in rule if number in self.chosen]
        unserved = [number for number in rule if number not in self.chosen]
        shared = set(served).union(*(self.problem.variables[number].options for number in unserved))
        shared.intersection_update(*(self._above[number] for number in served))
        return sorted(head for head in shared if all(head in self._tops[number] for number in unserved))

    def _subtree_hopeful(self, rule: tuple[int, ...], options: dict[int, list[int]]) -> bool:
        """Return whether some provider could head a subtree rule, its open variables being bound to what is below."""
        for head in self._heads(rule):
            below = {
                number: [o for o in offer if head in self._above[o]] if number in rule else offer
                for number, offer in options.items()
            }
            if hopeful(self.problem, below, self._left):
                return True
        return False

    def _label(self, option: int) -> int:
        problem = self.problem
        served = self.served[option]
        key = (
            tuple(sorted(self._left[option].items())),
            problem.covers[option],
            problem.isolate and self._occupied(option),
            sum(1 << bit for bit, rule in enumerate(problem.subtrees) if any(number in rule for number in served)),
            problem.from_root and option == 0 and self._root_gives(),
            self._offered[option],
        )
        return self._numbers.setdefault(key, len(self._numbers))


def _ancestors(parents: Sequence[int]) -> list[frozenset[int]]:
    """Return each provider's ancestors and itself; parents come before their children."""
    above: list[frozenset[int]] = []
    for number, parent in enumerate(parents):
        above.append((above[parent] if parent >= 0 else frozenset()) | {number})
    return above


def _tops(problem: Problem, above: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Return for each variable that a subtree rule binds the providers that have an option of it under them."""
    bound = {number for rule in problem.subtrees for number in rule}
    return [
        frozenset().union(*(above[option] for option in variable.options)) if number in bound else frozenset()
        for number, variable in enumerate(problem.variables)
    ]


def _offered(problem: Problem) -> list[int]:
    """Return for each provider the variables that it is an option of, as bits."""
    offered = [0] * len(problem.providers)
    for number, variable in enumerate(problem.variables):
        for option in variable.options:
            offered[option] |= 1 << number
    return offered
