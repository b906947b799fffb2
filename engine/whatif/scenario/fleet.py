"""The scenario's ``[fleet]``: where the hosts come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from engine.model.limits import MAX_HOSTS
from engine.whatif.fleets.line import checked_line
from engine.whatif.scenario.base import Table

HostLine = Annotated[str, AfterValidator(checked_line)]
"""One line that says hosts, see engine.whatif.fleets.line."""

_SyntheticFleet = Annotated[int, Field(ge=1, le=MAX_HOSTS)] | Annotated[str, AfterValidator(checked_line)]


class FleetAggregate(Table):
    """An aggregate's metadata, beside what a live service says of it."""

    name: str = Field(min_length=1, max_length=255, description="what the hosts' column aggregates calls it")
    metadata: dict[str, str] = Field(
        default_factory=dict, description="its metadata; availability_zone = 'az1' makes it a zone"
    )
    hosts: tuple[str, ...] = Field(default=(), description="hosts that join it, beside those that say so themselves")


class FleetSource(Table):
    """Exactly one of ``file``, ``live`` and ``synthetic``."""

    file: Path | None = Field(
        default=None,
        description="a fleet file (Parquet, Arrow, CSV) with the columns of `berth hosts import`; relative to the "
        "scenario's file",
    )
    allocations: Path | None = Field(
        default=None, description="with file: a Parquet file of what instances hold already, one row each"
    )
    live: str = Field(
        default="",
        description="HOST:PORT of a service whose hosts, allocations, flavors and chain are read as they are",
    )
    synthetic: _SyntheticFleet | None = Field(
        default=None,
        description="one line such as '1000 hosts of 64c 256g 2000d in 3 zones, racks of 40' (c hardware threads, g "
        "GiB or m MiB of memory, d GiB of disk); kinds of hosts are joined by +, and each may go on with cpu x4, ram "
        "x1.5, disk x1 (allocation ratios), reserved 2c 8g and numa 2; 'in zone NAME' is one zone; or a number of "
        "hosts, mixed as real fleets are",
    )
    aggregates: tuple[FleetAggregate, ...] = Field(default=(), description="aggregates and their metadata")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="of a synthetic fleet that is a number of hosts")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("file", "live", "synthetic") if getattr(self, name) not in (None, "")]
        if len(given) != 1:
            said = f"{' and '.join(given)} are given" if given else "none of them is given"
            raise ValueError(f"takes one of file, live and synthetic; {said}")
        if self.allocations is not None and self.file is None:
            raise ValueError("allocations go with file: a live service has its own, a synthetic fleet is empty")
        seen = set[str]()
        for aggregate in self.aggregates:
            if aggregate.name in seen:
                raise ValueError(f"aggregate {aggregate.name!r} is there twice: say all of it in one place")
            seen.add(aggregate.name)
        return self
