"""The scenario's ``[workload]``: which instances come and go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from engine.whatif.scenario.base import MAX_COUNT, Duration, Share, Table


class ServerGroups(Table):
    """Instances that make a server group: those of equal value in a column of the trace, or each arrival's batch."""

    column: str = Field(default="", description="the trace's column whose equal values make a group")
    when: str = Field(
        default="",
        description="the trace's column that says whether an instance is in a group at all: not where it is null, "
        "false, 0 or empty; unless given all are",
    )
    policy: Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"] = Field(
        description="nova's policy of the groups"
    )
    max_server_per_host: int = Field(
        default=1, ge=1, le=MAX_COUNT, description="how many of a group anti-affinity tolerates on a host"
    )


class DeviceColumns(Table):
    """Columns that say how many devices of a resource class an instance takes, and how much of each.

    An instance of ``count`` 2 and ``amount`` 1000 asks for two request groups of 1000, each of another provider.
    """

    resource_class: str = Field(pattern=r"^[A-Z0-9_]{1,255}$", description="the class, such as CUSTOM_GPU_MILLI")
    count: str = Field(min_length=1, description="the column of how many devices")
    amount: str = Field(min_length=1, description="the column of how much of each")


class TraceWorkload(Table):
    """A trace in a Parquet file: one row an instance with its times, or one row an event."""

    file: Path = Field(description="the Parquet file; relative to the scenario's file")
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="what the file calls vm_id, t_create, t_delete, vcpus, memory_mb, disk_gb, flavor and when; and of "
        "a file of events op (create or delete), t and perhaps seq, which then decides their order; a flavor's name "
        "counts where flavor is named here or the file has no sizes",
    )
    scale: dict[str, Annotated[float, Field(gt=0, le=1e12)]] = Field(
        default_factory=dict,
        description="multiplies a column's values, such as memory_mb = 1024 for GiB; sizes are then rounded up",
    )
    time_unit: Literal["us", "ms", "s", "m", "h"] = Field(default="s", description="the unit of its times")
    split: str = Field(default="", description="keeps the rows of which the column split says so")
    limit: int = Field(default=0, ge=0, le=MAX_COUNT, description="keeps the first so many instances; 0 is all")
    extra_specs: dict[str, str] = Field(
        default_factory=dict,
        description="extra specs of all, which may name columns in braces: 'hw:numa_nodes' = '{numa_nodes}'; one that "
        "would name a null or nothing is left out, as is that of an instance whose column when has no such value",
    )
    devices: DeviceColumns | None = Field(default=None, description="devices that instances take")
    server_groups: ServerGroups | None = Field(default=None, description="server groups that instances are in")
    forget_deletes: bool = Field(default=False, description="whether all instances stay for ever")
    skip_incomplete: bool = Field(
        default=False,
        description="leaves out instances of which a size, the flavor or t_create is missing, or that ask for nothing, "
        "instead of refusing the trace",
    )
    shuffle: bool = Field(default=False, description="draws the order anew and forgets times: one comes a second")
    pad_percent: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="with shuffle: draws further instances, with replacement, until they ask for that share of what "
        "the fleet has of pad_resource",
    )
    pad_resource: str = Field(default="VCPU", min_length=1, description="the resource class of pad_percent")

    @model_validator(mode="after")
    def _pads_what_is_shuffled(self) -> Self:
        if self.pad_percent is not None and not self.shuffle:
            raise ValueError("pad_percent goes with shuffle = true: instances drawn anew have no times of their own")
        return self


class Lifetime(Table):
    """How long instances live."""

    kind: Literal["forever", "fixed", "exponential", "lognormal", "weibull"] = Field(
        default="forever", description="for ever, for mean, or as long as a distribution of that mean says"
    )
    mean: Duration = Field(default=0.0, description="the mean")
    spread: float = Field(
        default=1.0,
        gt=0,
        le=20,
        description="the standard deviation of the logarithm (lognormal) or the shape (weibull)",
    )

    @model_validator(mode="after")
    def _has_a_mean(self) -> Self:
        if self.kind != "forever" and not self.mean > 0:
            raise ValueError(f"a lifetime that is {self.kind} needs a mean, such as mean = '30d'")
        return self


def _check_shares(flavors: dict[str, float]) -> None:
    if not sum(flavors.values()) > 0:
        raise ValueError("all shares of flavors are 0: give at least one a share")


class MixWorkload(Table):
    """Arrivals of flavors at random."""

    flavors: dict[str, Share] = Field(
        min_length=1, description="the flavors and their shares, such as {'m1.small' = 3, 'm1.large' = 1}"
    )
    per_hour: float = Field(gt=0, le=1e9, description="how many arrivals an hour")
    duration: Duration = Field(description="how long they go on")
    process: Literal["poisson", "even"] = Field(default="poisson", description="at random, or at even distances")
    growth_percent: float = Field(
        default=0.0, gt=-100, le=10_000, description="by how much the rate grows a growth_period, compound"
    )
    growth_period: Duration = Field(default=30 * 86_400.0, description="the time that growth_percent is of")
    daily_swing: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="how far the rate swings around its mean over each day; 0.5: from half to one and a half times it",
    )
    lifetime: Lifetime = Field(default_factory=Lifetime, description="how long instances live")
    warm_up: Duration = Field(
        default=0.0, description="how long before time 0 arrivals began, so that what lives at 0 is as in the long run"
    )
    server_groups: ServerGroups | None = Field(default=None, description="makes each arrival's batch a server group")
    batch: int = Field(default=1, ge=1, le=1000, description="how many instances an arrival has")

    @model_validator(mode="after")
    def _has_shares(self) -> Self:
        _check_shares(self.flavors)
        return self


class FillWorkload(Table):
    """Instances of a mix of flavors, one after the other, until some of them were refused."""

    flavors: dict[str, Share] = Field(
        min_length=1, description="the flavors and their shares, such as {'m1.small' = 3, 'm1.large' = 1}"
    )
    refusals: int = Field(default=1, ge=1, le=MAX_COUNT, description="ends after so many were refused")
    limit: int = Field(default=0, ge=0, le=MAX_COUNT, description="ends after so many came; 0 is no limit")
    order: Literal["shuffled", "in_turn", "largest_first"] = Field(
        default="shuffled",
        description="shuffled draws each flavor by its share; in_turn goes round in proportion; largest_first fills "
        "with the largest flavor until it no longer fits, then with the next",
    )

    @model_validator(mode="after")
    def _has_shares(self) -> Self:
        _check_shares(self.flavors)
        return self


class WorkloadTable(Table):
    """At most one of ``trace``, ``mix`` and ``fill``; none: nothing comes or goes."""

    trace: TraceWorkload | None = Field(default=None, description="instances as they came and went")
    mix: MixWorkload | None = Field(default=None, description="instances that come and go at random")
    fill: FillWorkload | None = Field(default=None, description="instances until the fleet is full")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("trace", "mix", "fill") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"takes one of trace, mix and fill; {' and '.join(given)} are given")
        return self
