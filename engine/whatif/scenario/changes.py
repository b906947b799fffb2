"""The scenario's ``[[changes]]``: what is done to the fleet, the chain and the flavors over time."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from engine.model.limits import MAX_AMOUNT, MAX_DISK_GB, MAX_MEMORY_MB, MAX_VCPUS
from engine.whatif.scenario.base import Duration, Table
from engine.whatif.scenario.fleet import HostLine
from engine.whatif.scenario.hosts import HostChoice

_AT = "when, from the start of the run; at equal times before deletes and creates, in the order written"
_OF = "the hosts it is about"


class _Change(Table):
    """Something done ``at`` a time of the run."""

    at: Duration = Field(default=0.0, description=_AT)


class AddHosts(_Change):
    """New hosts."""

    do: Literal["add_hosts"] = Field(description="adds hosts, which are called added-000001 and so on")
    like: HostLine = Field(description="one line that says them, such as '40 hosts of 64c 256g 2000d'")
    zone: str = Field(default="", description="the zone of all of them; else what the line says")
    aggregates: tuple[str, ...] = Field(default=(), description="the names of aggregates that they join")


class _OfHosts(_Change):
    """A change of some hosts."""

    of: HostChoice = Field(description=_OF)


class RemoveHosts(_OfHosts):
    """Hosts are emptied, as by ``drain``, and then gone; what cannot be placed elsewhere is lost."""

    do: Literal["remove_hosts"] = Field(description="moves instances elsewhere, loses those that fit nowhere, removes")


class Drain(_OfHosts):
    """Hosts take nothing new and their instances move elsewhere; those that fit nowhere else stay."""

    do: Literal["drain"] = Field(description="moves instances elsewhere and takes nothing new; what fits nowhere stays")


class Fail(_OfHosts):
    """Hosts go down all at once; their instances are built anew elsewhere, and those that fit nowhere are lost."""

    do: Literal["fail"] = Field(description="takes hosts down at once, builds their instances anew or loses them")


class Restore(_OfHosts):
    """Hosts that failed or were drained take instances again."""

    do: Literal["restore"] = Field(description="lets hosts that failed or were drained take instances again")


class SetRatio(_OfHosts):
    """Other allocation ratios; what is not said stays."""

    do: Literal["set_ratio"] = Field(description="sets allocation ratios; what is not said stays")
    cpu: float | None = Field(default=None, gt=0, le=1e6, description="vCPUs sold per hardware thread")
    ram: float | None = Field(default=None, gt=0, le=1e6, description="MiB sold per MiB of memory")
    disk: float | None = Field(default=None, gt=0, le=1e6, description="GiB sold per GiB of disk")

    @model_validator(mode="after")
    def _sets_something(self) -> Self:
        if self.cpu is None and self.ram is None and self.disk is None:
            raise ValueError("sets nothing: give cpu, ram or disk")
        return self


class SetReserved(_OfHosts):
    """Other amounts kept for the hosts themselves; what is not said stays."""

    do: Literal["set_reserved"] = Field(description="sets what hosts keep for themselves; what is not said stays")
    vcpus: int | None = Field(default=None, ge=0, le=MAX_AMOUNT, description="hardware threads")
    memory_mb: int | None = Field(default=None, ge=0, le=MAX_AMOUNT, description="MiB of memory")
    disk_gb: int | None = Field(default=None, ge=0, le=MAX_AMOUNT, description="GiB of disk")

    @model_validator(mode="after")
    def _sets_something(self) -> Self:
        if self.vcpus is None and self.memory_mb is None and self.disk_gb is None:
            raise ValueError("sets nothing: give vcpus, memory_mb or disk_gb")
        return self


class SetChain(_Change):
    """Other filters, weighers, multipliers and options, by nova's names; what is not said stays."""

    do: Literal["set_chain"] = Field(description="sets options of the chain; what is not said stays")
    chain: dict[str, Any] = Field(min_length=1, description="nova's scheduler options by nova's names, as in [chain]")


class SetFlavor(_Change):
    """A flavor's sizes and extra specs for instances created from now on; what is not said stays."""

    do: Literal["set_flavor"] = Field(description="changes a flavor for instances created from then on")
    name: str = Field(min_length=1, description="the flavor's name")
    vcpus: int | None = Field(default=None, ge=0, le=MAX_VCPUS, description="vCPUs")
    memory_mb: int | None = Field(default=None, ge=0, le=MAX_MEMORY_MB, description="MiB of memory")
    disk_gb: int | None = Field(default=None, ge=0, le=MAX_DISK_GB, description="GiB of root disk")
    extra_specs: dict[str, str] | None = Field(
        default=None, description="all its extra specs; those it had go, {} takes them away"
    )

    @model_validator(mode="after")
    def _sets_something(self) -> Self:
        if self.vcpus is None and self.memory_mb is None and self.disk_gb is None and self.extra_specs is None:
            raise ValueError("sets nothing: give vcpus, memory_mb, disk_gb or extra_specs")
        return self


OfHosts = RemoveHosts | Drain | Fail | Restore | SetRatio | SetReserved
"""The changes that are about some hosts."""

Change = Annotated[
    AddHosts | RemoveHosts | Drain | Fail | Restore | SetRatio | SetReserved | SetChain | SetFlavor,
    Field(discriminator="do"),
]
