"""LeafPlan: what class views keep of a leaf of hosts under one chain, and where in its record."""

from __future__ import annotations

from collections.abc import Sequence

from engine.inventory.usage import Amounts
from engine.scheduler.kernel_plan import KernelPlan, is_column
from engine.scheduler.registry import Filter, Weigher

SUPER_LEAVES = 64
"""Leaves whose records are summed up in one of the level above: the values that leaf_vectors takes at once."""
MEMO_WAYS = 4
"""Records kept of a leaf, of different hosts passing or under different scales."""
_LINE_WORDS = 8
"""Numbers that a line of the cache holds; records are whole lines, so that each costs as few of them as can be."""


class LeafPlan:
    """Where a leaf's record has what: its best weight, then for each weigher its most and, if it varies, its least.

    The least is kept with its sign changed, so that the record of many leaves is the greatest of each of theirs. After
    these come which hosts pass, a bit each, and the place of the best, which kernels read through ``notes``: the same
    memory as words. ``names`` are the helpers that hold the weighers' bodies.
    """

    def __init__(self, plan: KernelPlan, names: Sequence[str]) -> None:
        self.plan = plan
        self.names = tuple(names)
        self.most: list[int] = []
        self.least: list[int | None] = []
        fields = 1
        for weigher in plan.weighers:
            self.most.append(fields)
            self.least.append(fields + 1 if weigher.minval is None else None)
            fields += 2 if weigher.minval is None else 1
        self.fields = fields
        """How many numbers a record has to sum up."""
        self.bits = fields
        """Where a record has the word of which hosts pass."""
        self.row = fields + 1
        """Where a record has the place of the best host in its leaf."""
        self.words = -(-(fields + 2) // _LINE_WORDS) * _LINE_WORDS
        """How many words of 64 bits a record takes."""

    @classmethod
    def of_views(cls, plan: KernelPlan) -> LeafPlan:
        """Return the plan of the leaves of a chain's class views, which score the plan's view weighers only."""
        views = KernelPlan(plan.filters, plan.view_weighers, plan.columns, plan.options)
        places = {id(weigher): index for index, weigher in enumerate(plan.weighers)}
        return cls(views, [f"weigher_{places[id(weigher)]}" for weigher in views.weighers])

    @property
    def survey_columns(self) -> str:
        """The columns that a survey reads, as they stand in its parameters."""
        return ", ".join(columns_read([*self.plan.filters, *self.plan.weighers]))

    @property
    def rescore_columns(self) -> str:
        """The columns that scoring reads, as they stand in its parameters."""
        return ", ".join(columns_read(self.plan.weighers))

    @property
    def asks_amounts(self) -> bool:
        """True when a weigher looks at what is asked for, so that classes cannot share what is known of a leaf."""
        return any(name in Amounts._fields for weigher in self.plan.weighers for name in weigher.parameters)

    def range_lines(self, record: str, low: str, high: str) -> str:
        """Return the lines that read each weigher's range out of a record."""
        lines = []
        for index, weigher in enumerate(self.plan.weighers):
            least = self.least[index]
            lines.append(f"{high}[{index}] = {record}[{self.most[index]}]")
            lines.append(f"{low}[{index}] = {repr(weigher.minval) if least is None else f'-{record}[{least}]'}")
        return "\n".join(lines)

    def bound_text(self, record: str) -> str:
        """Return what a host of a record weighs at most under drifted slopes, but for what is the same for all."""
        terms = [f"{record}[0]"]
        for index, weigher in enumerate(self.plan.weighers):
            least = self.least[index]
            low = repr(weigher.minval) if least is None else f"-{record}[{least}]"
            terms.append(f"max(drift[{index}] * ({low}), drift[{index}] * {record}[{self.most[index]}])")
        return " + ".join(terms)


def columns_read(plugins: Sequence[Filter | Weigher]) -> list[str]:
    """Return the columns that plug-ins over columns read, each once."""
    names = (name for plugin in plugins if plugin.kind == "column" for name in plugin.parameters if is_column(name))
    return list(dict.fromkeys(names))
