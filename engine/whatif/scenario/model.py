"""Scenario: the whole document."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from engine.whatif.scenario.base import Duration, Table
from engine.whatif.scenario.changes import Change
from engine.whatif.scenario.flavors import FlavorTable
from engine.whatif.scenario.fleet import FleetSource
from engine.whatif.scenario.questions import DrainTable, FailTable, FitsTable, ForecastTable, SizeTable, VariantTable
from engine.whatif.scenario.workload import WorkloadTable


class ReplayTable(Table):
    """How much of a run is kept."""

    samples: int = Field(default=200, ge=1, le=100_000, description="how many times the fleet is measured")
    decisions: bool = Field(default=True, description="whether every decision is written; else only the refused")
    until: Duration | None = Field(default=None, description="ends the run there; else with its last event")


class Scenario(Table):
    """What a question is asked about."""

    title: str = Field(default="", max_length=200, description="the heading of the report")
    seed: int = Field(
        default=0, ge=0, le=2**63 - 1, description="of all that is random; the command's --seed goes first"
    )
    fleet: FleetSource = Field(description="where the hosts come from: one of file, live and synthetic")
    chain: dict[str, Any] = Field(
        default_factory=dict,
        description="nova's scheduler options by nova's names; those not said are the live service's, nova's defaults "
        "otherwise",
    )
    flavors: tuple[FlavorTable, ...] = Field(default=(), description="the shapes of instances")
    workload: WorkloadTable = Field(
        default_factory=WorkloadTable, description="which instances come and go: one of trace, mix and fill, or nothing"
    )
    changes: tuple[Change, ...] = Field(default=(), description="what is done over time; do says what")
    replay: ReplayTable = Field(default_factory=ReplayTable, description="how much of a run is kept")
    fits: FitsTable = Field(default_factory=FitsTable, description="for `berth whatif fits`")
    fail: FailTable = Field(default_factory=FailTable, description="for `berth whatif fail`")
    size: SizeTable = Field(default_factory=SizeTable, description="for `berth whatif size`")
    variants: tuple[VariantTable, ...] = Field(default=(), description="for `berth whatif compare`: its sides")
    forecast: ForecastTable = Field(default_factory=ForecastTable, description="for `berth whatif forecast`")
    drain: DrainTable | None = Field(default=None, description="for `berth whatif drain`")
    sweep: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="dotted keys with lists of values, such as 'size.max_refused_percent' = [0, 1, 5]: every "
        "combination is one more run",
    )
