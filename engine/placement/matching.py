"""Whether each of several items can have a place of its own, where places have room for a few (augmenting paths)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def all_seated(options: Sequence[Sequence[int]], seats: Mapping[int, int]) -> bool:
    """Return whether every item can be given one of its options, no option more often than it has seats."""
    taken: dict[int, list[int]] = {}
    return all(_seat(item, options, seats, taken) for item in range(len(options)))


def _seat(item: int, options: Sequence[Sequence[int]], seats: Mapping[int, int], taken: dict[int, list[int]]) -> bool:
    """Seat one item, moving others along a shortest path of exchanges where its options are full."""
    came_from: dict[int, int] = {}
    mover_of: dict[int, int] = {}
    queue = [item]
    asked = {item}
    for mover in queue:
        for place in options[mover]:
            if place in came_from:
                continue
            came_from[place] = mover
            held = taken.setdefault(place, [])
            if len(held) < seats.get(place, 0):
                _shift(place, item, came_from, mover_of, taken)
                return True
            for other in held:
                if other not in asked:
                    asked.add(other)
                    mover_of[other] = place
                    queue.append(other)
    return False


def _shift(
    place: int, item: int, came_from: Mapping[int, int], mover_of: Mapping[int, int], taken: dict[int, list[int]]
) -> None:
    """Move everyone along the path found, which ends at a free seat of ``place`` and begins at ``item``."""
    while True:
        mover = came_from[place]
        taken[place].append(mover)
        if mover == item:
            return
        place = mover_of[mover]
        taken[place].remove(mover)
