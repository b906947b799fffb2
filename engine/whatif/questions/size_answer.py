"""What the search for a size came to, as figures, tables and plots."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from engine.whatif.answer import BarPlot, Column, LinePlot, Plot, ResultTable, Series
from engine.whatif.questions.fleet_sizes import SizedFleets
from engine.whatif.questions.lower_bound import Bound
from engine.whatif.questions.phrases import counted, number
from engine.whatif.questions.runs import Counts

_MOST_BARS: Final = 10
_COUNT_IN_LINE = re.compile(r"^\s*[0-9]*\s*(hosts?\b)?\s*(of\b)?\s*")


class SizeFound:
    """What the search came to: ``answer`` hosts, None where no fleet is enough.

    ``tried`` are the runs of the sizes that the search went through, None for one that lacks what the scenario names,
    and ``outcomes`` whether each was enough: at most ``allowed`` of ``requests`` refused or lost.
    """

    def __init__(
        self,
        fleets: SizedFleets,
        answer: int | None,
        requests: int,
        allowed: int,
        bounds: Sequence[Bound],
        tried: Mapping[int, Counts | None],
        outcomes: Mapping[int, bool],
    ) -> None:
        self.fleets = fleets
        self.answer = answer
        self.requests = requests
        self.allowed = allowed
        self.bounds = bounds
        self.tried = dict(sorted(tried.items()))
        self.outcomes = outcomes
        self.asked = fleets.scenario.size

    @property
    def bound(self) -> int | None:
        """The lower bound, None where there is none or no number of hosts is enough for it."""
        return (
            max(self.bounds[0].hosts, self.fleets.least) if self.bounds and self.bounds[0].hosts is not None else None
        )

    @property
    def is_falling(self) -> bool:
        """Whether fewer were refused with every larger fleet that was tried, or as many."""
        counts = [item.refused + item.lost for item in self.tried.values() if item is not None]
        return all(after <= before for before, after in pairwise(counts))

    def _hosts(self, many: int) -> str:
        """Return so many hosts of their kind in words, such as ``12 more hosts of 64c 256g``."""
        more = "more " if self.fleets.beside is not None else ""
        like = self.asked.like or self.fleets.scenario.fleet.synthetic
        kind = ""
        if isinstance(like, str) and "+" not in like:
            kind = f" of {_COUNT_IN_LINE.sub('', like)}"
        elif isinstance(like, str):
            kind = f" in the proportions of {like}"
        return f"{counted(many, f'{more}host')}{kind}"

    def headline(self) -> str:
        """Return one sentence that answers the question."""
        limit = f"at most {self.asked.max_refused_percent:g} % refused"
        if self.answer is None:
            counts = self.tried[max(self.tried)]
            refused = "cannot be had" if counts is None else f"refuse {counts.refused_percent:.3g} %"
            return (
                f"No fleet of up to {number(self.fleets.most)} hosts takes the workload with {limit}: so many {refused}"
            )
        bound = ""
        if self.bound is not None:
            bound = f"; fewer than {number(self.bound)} cannot, for {self.bounds[0].name}"
        return f"{self._hosts(self.answer)} take the workload with {limit}{bound}"

    def figures(self) -> dict[str, Any]:
        """Return the figures: ``hosts`` is the answer, None where no fleet is enough."""
        counts = None if self.answer is None else self.tried[self.answer]
        fewer = None if self.answer is None else self.tried.get(self.answer - 1)
        return {
            "hosts": self.answer,
            "lower_bound": self.bound,
            "bound_by": self.bounds[0].name if self.bounds else None,
            "refused_percent": None if counts is None else counts.refused_percent,
            "one_fewer_refused_percent": None if fewer is None else fewer.refused_percent,
            "max_refused_percent": self.asked.max_refused_percent,
            "requests": self.requests,
            "may_be_refused": self.allowed,
            "refused": None if counts is None else counts.refused,
            "lost": None if counts is None else counts.lost,
            "refusals_fall_with_size": self.is_falling,
            "bounds": [
                {
                    "of": "flavor" if bound.is_flavor else "resource",
                    "name": bound.name,
                    "hosts": bound.hosts,
                    "peak": bound.peak,
                    "a_host": bound.a_host,
                }
                for bound in self.bounds
            ],
            "tried": [
                {
                    "hosts": size,
                    "refused": None if item is None else item.refused,
                    "lost": None if item is None else item.lost,
                    "refused_percent": None if item is None else item.refused_percent,
                    "enough": self.outcomes[size],
                }
                for size, item in self.tried.items()
            ],
        }

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the sizes tried, and the bounds."""
        sizes = ResultTable(
            "Fleets tried",
            (Column("hosts"), Column("refused"), Column("lost"), Column("refused", "%", 3), Column("enough")),
            tuple(
                (
                    size,
                    None if item is None else item.refused,
                    None if item is None else item.lost,
                    None if item is None else item.refused_percent,
                    "yes" if self.outcomes[size] else "no",
                )
                for size, item in self.tried.items()
            ),
            self._note(),
        )
        if not self.bounds:
            return (sizes,)
        bounds = ResultTable(
            "Fewer hosts cannot be enough",
            (Column("of"), Column("needed at the peak"), Column("first host has"), Column("hosts")),
            tuple((bound.name, bound.peak, bound.a_host, bound.hosts) for bound in self.bounds),
            "What is needed at one time, after the largest that may be refused, over what hosts give. Of a flavor: "
            "instances.",
        )
        return sizes, bounds

    def _note(self) -> str:
        """Return what was found next to the answer, and what bounds say."""
        notes = []
        fewer = None if self.answer is None else self.tried.get(self.answer - 1)
        if self.answer is not None and fewer is not None:
            notes.append(f"One host fewer refuses {fewer.refused_percent:.3g} %, which is too much.")
        if not self.is_falling:
            notes.append(
                "Refusals do not fall with every host that is added, as instances go other ways then; the sizes next "
                "to the answer were tried."
            )
        if not self.bounds:
            notes.append("There is no lower bound, as changes or other providers may give more than the hosts have.")
        return " ".join(notes)

    def plots(self) -> tuple[Plot, ...]:
        """Return refusals by size, and the bounds."""
        known = [(float(size), item.refused_percent) for size, item in self.tried.items() if item is not None]
        plots: list[Plot] = []
        if known:
            x, y = zip(*known, strict=True)
            limit = Series("may be refused", (x[0], x[-1]), (self.asked.max_refused_percent,) * 2)
            plots.append(
                LinePlot(
                    "Refused by number of hosts", "hosts", "refused, %", (Series("refused", x, y), limit), x_unit=""
                )
            )
        bars = [bound for bound in self.bounds if bound.hosts is not None][:_MOST_BARS]
        if bars:
            labels = tuple(bound.name for bound in bars)
            values = tuple(float(bound.hosts or 0) for bound in bars)
            plots.append(BarPlot("Hosts needed at least", "hosts", labels, ("hosts",), (values,)))
        return tuple(plots)
