"""The search for the smallest fleet that is large enough: which size to try next, from what was tried.

Refusals need not fall with every host that is added: another host sends instances other ways. So sizes next to what
bisection finds are tried too, and a smaller one that is enough takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_FIRST_STEP_PART: Final = 16
"""The first step up from the lower bound is this part of it: the answer is seldom far above."""
_LOOKED_BELOW: Final = 2

Outcomes = Mapping[int, bool]
"""Which sizes were tried, and whether each was enough."""


@dataclass(frozen=True, slots=True)
class Range:
    """Sizes from ``least`` to ``most``, of which none below ``first`` can be enough."""

    least: int
    first: int
    most: int


def next_size(sizes: Range, outcomes: Outcomes) -> int | None:
    """Return the size to try next, None when the search has ended; it is the same for the same outcomes."""
    found = _bisected(sizes, outcomes)
    if not isinstance(found, _Found):
        return found
    answer = found.size
    below = 1
    while below <= _LOOKED_BELOW and answer - below >= sizes.least:
        # what the bound rules out is tried once, to show it
        if answer - below < sizes.first and below > 1:
            break
        if answer - below not in outcomes:
            return answer - below
        if outcomes[answer - below]:
            answer -= below
            below = 0
        below += 1
    above = answer + 1
    return above if above <= sizes.most and above not in outcomes else None


def smallest(outcomes: Outcomes) -> int | None:
    """Return the smallest size that was enough, None where none was."""
    return min((size for size, enough in outcomes.items() if enough), default=None)


def likely_sizes(sizes: Range, outcomes: Outcomes, many: int) -> list[int]:
    """Return up to ``many`` sizes: the next to try, and those that come after it by its outcome and theirs."""
    found: list[int] = []
    supposed: list[dict[int, bool]] = [dict(outcomes)]
    while supposed and len(found) < many:
        state = supposed.pop(0)
        size = next_size(sizes, state)
        if size is None:
            continue
        if size not in found:
            found.append(size)
        supposed += [{**state, size: False}, {**state, size: True}]
    return found


def search(
    sizes: Range, try_sizes: Callable[[Sequence[int]], Sequence[bool]], *, at_a_time: int = 1
) -> dict[int, bool]:
    """Return the outcomes of the sizes that the search went through, in its order.

    ``try_sizes`` says which sizes are enough. Several may be tried ``at_a_time``: the outcomes are the same, as those
    that the search did not go through are left out.
    """
    tried: dict[int, bool] = {}
    outcomes: dict[int, bool] = {}
    while (size := next_size(sizes, outcomes)) is not None:
        if size not in tried:
            wanted = [size for size in likely_sizes(sizes, outcomes, at_a_time) if size not in tried]
            tried.update(zip(wanted, try_sizes(wanted), strict=True))
        outcomes[size] = tried[size]
    return outcomes


@dataclass(frozen=True, slots=True)
class _Found:
    """What bisection came to."""

    size: int


def _bisected(sizes: Range, outcomes: Outcomes) -> _Found | int | None:
    """Return what bisection finds, the size that it wants to try first, or None where even the most is not enough."""
    failing, enough = sizes.first - 1, sizes.first
    step = max(1, sizes.first // _FIRST_STEP_PART)
    while True:
        if enough not in outcomes:
            return enough
        if outcomes[enough]:
            break
        if enough >= sizes.most:
            return None
        failing, enough = enough, min(enough + step, sizes.most)
        step *= 2
    while enough - failing > 1:
        middle = (failing + enough) // 2
        if middle not in outcomes:
            return middle
        if outcomes[middle]:
            enough = middle
        else:
            failing = middle
    return _Found(enough)
