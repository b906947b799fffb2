"""Whether the rest of a search can still succeed: necessary conditions, each cheap, none of them sufficient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.placement.matching import all_seated
from engine.placement.problem import Problem

Options = Mapping[int, Sequence[int]]
"""The providers that could take each open variable now."""


def hopeful(problem: Problem, options: Options, left: Sequence[Mapping[str, int]]) -> bool:
    """Return whether the open variables could all be served at once, each rule that binds them looked at alone.

    ``left`` is what remains of each provider's room. Where all amounts of a class are equal, or the policy isolates,
    the rule looked at alone is decided exactly, as a matching.
    """
    if not all(options.values()):
        return False
    if problem.isolate:
        apart = [options[number] for number in options if problem.variables[number].granular]
        if not all_seated(apart, dict.fromkeys((option for offer in apart for option in offer), 1)):
            return False
    demands: dict[str, list[tuple[int, int]]] = {}
    for number in options:
        for name, amount in problem.variables[number].amounts:
            demands.setdefault(name, []).append((number, amount))
    return all(_enough(name, demand, options, left) for name, demand in demands.items() if len(demand) > 1)


def _enough(name: str, demand: Sequence[tuple[int, int]], options: Options, left: Sequence[Mapping[str, int]]) -> bool:
    """Return whether one class suffices, each provider serving as many variables as the smallest amount allows."""
    offers = [options[number] for number, _ in demand]
    smallest = min(amount for _, amount in demand)
    rooms = {option: left[option].get(name, 0) for offer in offers for option in offer}
    if sum(rooms.values()) < sum(amount for _, amount in demand):
        return False
    return all_seated(offers, {option: room // smallest for option, room in rooms.items()})
