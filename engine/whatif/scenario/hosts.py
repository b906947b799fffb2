"""Which hosts of a fleet a part of a scenario is about."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from engine.whatif.scenario.base import MAX_COUNT, Table


class HostChoice(Table):
    """Hosts by name, by availability zone, by aggregate (a rack is one), or all; what is said must all hold."""

    hosts: tuple[str, ...] = Field(default=(), description="the hosts of these names")
    zone: str = Field(default="", description="the hosts of this availability zone, by their record or an aggregate's")
    aggregate: str = Field(default="", description="the hosts of this aggregate")
    every: bool = Field(default=False, description="all hosts")
    first: int | None = Field(
        default=None, ge=1, le=MAX_COUNT, description="keeps only so many of them, in the fleet's order"
    )
    share: float | None = Field(
        default=None, gt=0, le=1, description="keeps that part of them, rounded up, drawn by the run's seed"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.hosts or self.zone or self.aggregate or self.every):
            raise ValueError("says no hosts: give hosts, zone or aggregate, or every = true")
        if self.every and (self.hosts or self.zone or self.aggregate):
            raise ValueError("says every host and some: leave out every, or the others")
        return self
