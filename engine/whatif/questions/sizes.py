"""Sizes: a flavor's vCPUs, memory and disk as three numbers, and the request for an instance of other sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from engine.fitting.numa_request import guest_numa
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec

_STEPS: Final = 16
"""An amount is made smaller in steps of so many parts of what it was at first."""
_LEAST_PART: Final = 8
_MEMORY_UNIT_MB: Final = 64


class Sizes(NamedTuple):
    """vCPUs, MiB of memory, GiB of local disk (root and ephemeral)."""

    vcpus: int
    memory_mb: int
    disk_gb: int

    def __str__(self) -> str:
        return f"{self.vcpus} vCPU, {self.memory_mb} MiB, {self.disk_gb} GiB"


def sizes_of(flavor: Flavor) -> Sizes:
    """Return a flavor's sizes."""
    return Sizes(flavor.vcpus, flavor.memory_mb, flavor.root_gb + flavor.ephemeral_gb)


def least_of(start: Sizes) -> Sizes:
    """Return an eighth of each size, at least one of what there is any of."""
    return Sizes(*(min(size, max(1, size // _LEAST_PART)) for size in start))


def smaller(sizes: Sizes, resource: int, start: Sizes, least: Sizes) -> Sizes:
    """Return sizes of which one, by its place, is a step smaller, but not below ``least``.

    A step is a sixteenth of what it was at the start, memory in whole units of 64 MiB: Ganeti's hspace goes down by
    fixed units, which for large instances takes very many steps.
    """
    unit = _MEMORY_UNIT_MB if resource == 1 and start.memory_mb % _MEMORY_UNIT_MB == 0 else 1
    step = max(unit, start[resource] // _STEPS // unit * unit)
    values = list(sizes)
    values[resource] = max(least[resource], sizes[resource] - step)
    return Sizes(*values)


def resized(request: RequestSpec, sizes: Sizes) -> RequestSpec:
    """Return a request for an instance of no larger sizes, whose flavor's name says them.

    What disk it has less comes off the root disk first. Raises InvalidRequestError where the guest's NUMA cells cannot
    be of that size.
    """
    flavor = request.flavor
    if sizes == sizes_of(flavor):
        return request
    root_gb = max(0, sizes.disk_gb - flavor.ephemeral_gb)
    made = replace(
        flavor,
        name=f"{flavor.name} ({sizes})",
        vcpus=sizes.vcpus,
        memory_mb=sizes.memory_mb,
        root_gb=root_gb,
        ephemeral_gb=sizes.disk_gb - root_gb,
    )
    return replace(request, flavor=made, numa=guest_numa(made, request.image))
