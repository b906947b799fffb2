"""The tables of a scenario that belong to one question each: ``[fits]``, ``[fail]``, ``[size]`` and so on."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from engine.model.limits import MAX_HOSTS
from engine.whatif.scenario.base import MAX_COUNT, Duration, Table
from engine.whatif.scenario.fleet import HostLine
from engine.whatif.scenario.hosts import HostChoice


class FitsTable(Table):
    """How many more fit: of each flavor alone, and tiered, of one after the other (as in Ganeti's hspace)."""

    flavors: tuple[str, ...] = Field(default=(), description="the flavors asked about; none: all there are")
    tiered: bool = Field(
        default=True,
        description="also as many of start as fit, then of a smaller one, down to least; what runs out first is what "
        "is made smaller",
    )
    start: str = Field(default="", description="the flavor that tiered begins with; else the largest")
    least: str = Field(default="", description="the flavor that tiered ends with; else an eighth of start")


class FailTable(Table):
    """Which failures could not be absorbed: every single group of hosts, and every few of them together."""

    of: tuple[Literal["host", "rack", "zone", "aggregate"], ...] = Field(
        default=("host",), min_length=1, description="the kinds of groups that fail"
    )
    rack_prefix: str = Field(default="rack", description="aggregates whose name begins so are racks")
    together: int = Field(default=1, ge=1, le=8, description="how many groups of a kind fail at once: all such sets")
    order: Literal["oldest_first", "largest_first"] = Field(
        default="oldest_first", description="which instance is built anew first"
    )
    limit: int = Field(
        default=5_000_000, ge=1, le=MAX_COUNT, description="more failures than this are refused: they take too long"
    )


class SizeTable(Table):
    """The smallest fleet of alike hosts that takes the workload."""

    like: HostLine | Literal[""] = Field(
        default="", description="one line that says the hosts, its number aside; else the scenario's own fleet"
    )
    max_refused_percent: float = Field(
        default=0.0, ge=0, lt=100, description="how much of what is asked for may be refused"
    )
    most: int = Field(default=1_000_000, ge=1, le=MAX_HOSTS, description="the largest fleet that is tried")
    besides_fleet: bool = Field(
        default=False, description="adds the hosts to those of the scenario's fleet instead of taking their place"
    )


class VariantTable(Table):
    """One of the sides that ``compare`` sets side by side: the scenario with some keys said otherwise."""

    name: str = Field(min_length=1, max_length=100, description="what the answer calls it")
    set: dict[str, Any] = Field(
        default_factory=dict,
        description="dotted keys and values, such as 'chain.ram_weight_multiplier' = -1.0; elements of a list by "
        "number from 0, or by name",
    )


class ForecastTable(Table):
    """When a growing workload meets the wall, with a band from runs over arrivals drawn anew.

    Those are a mix's by its distributions, or a trace's by whole blocks of it with replacement.
    """

    horizon: Duration = Field(default=365 * 86_400.0, description="how far to look")
    resamples: int = Field(default=20, ge=2, le=10_000, description="how many runs make the band")
    wall_percent: float = Field(
        default=1.0, ge=0, lt=100, description="more refused than this in one window is the wall"
    )
    window: Duration = Field(default=86_400.0, description="the time over which refusals are counted")
    block: Duration = Field(default=86_400.0, description="how much of a trace is drawn at once")
    growth_percent: float = Field(
        default=0.0, gt=-100, le=10_000, description="by how much a trace grows a growth_period, compound"
    )
    growth_period: Duration = Field(default=30 * 86_400.0, description="the time that growth_percent is of")


class DrainTable(Table):
    """Which hosts are to be emptied."""

    of: HostChoice = Field(description="the hosts")
    by: Literal["host", "all"] = Field(default="host", description="one after the other, or all at once")
