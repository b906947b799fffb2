"""How an allocation changes a host's columns: the one place that mutates usage.

``apply_usage`` is written for one row with scalars only, so that it runs as plain Python and, compiled, inside the
selection kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.model.assignment import Assignment
from engine.model.flavor import Flavor
from engine.model.limits import MAX_DISK_GB, MAX_MEMORY_MB, check_amount
from engine.model.resources import DISK_GB, MEMORY_MB, VCPU

USAGE_COLUMNS = (
    "vcpu_used",
    "vcpu_free",
    "memory_mb_used",
    "memory_mb_free",
    "disk_gb_used",
    "disk_gb_free",
    "vcpus_used",
    "vcpu_total",
    "vcpu_allocation_ratio",
    "cpu_free",
    "free_ram_mb",
    "free_disk_gb",
    "num_instances",
    "generation",
)
"""The columns ``apply_usage`` takes, in order."""

ONLY_READ = frozenset({"vcpu_total", "vcpu_allocation_ratio"})
"""Those of them that it does not write."""


class Amounts(NamedTuple):
    """What one instance takes: placement's amounts by resource class, then the flavor's own sizes.

    The compute node counts the latter. The two differ: swap and boot from volume count for placement only
    (nova.scheduler.host_manager, consume_from_request).
    """

    requested_vcpu: int
    requested_memory_mb: int
    requested_disk_gb: int
    flavor_vcpus: int
    flavor_memory_mb: int
    flavor_disk_gb: int

    @property
    def resources(self) -> dict[str, int]:
        """The placement amounts by resource class, zero ones left out."""
        named = {VCPU: self.requested_vcpu, MEMORY_MB: self.requested_memory_mb, DISK_GB: self.requested_disk_gb}
        return {name: amount for name, amount in named.items() if amount}


def flavor_amounts(flavor: Flavor, *, is_bfv: bool = False) -> Amounts:
    """Return what one instance of ``flavor`` takes (nova.scheduler.utils.ResourceRequest, the classes every host has).

    Raises InvalidRequestError when root, ephemeral and swap disk together pass the limit.
    """
    disk_gb = (0 if is_bfv else flavor.root_gb) + flavor.ephemeral_gb + -(-flavor.swap_mb // 1024)
    check_amount("root_gb + ephemeral_gb + swap", disk_gb, 0, MAX_DISK_GB)
    check_amount("memory_mb", flavor.memory_mb, 0, MAX_MEMORY_MB)
    local_gb = check_amount("root_gb + ephemeral_gb", flavor.root_gb + flavor.ephemeral_gb, 0, MAX_DISK_GB)
    return Amounts(flavor.vcpus, flavor.memory_mb, disk_gb, flavor.vcpus, flavor.memory_mb, local_gb)


def assigned_amounts(amounts: Amounts, assignment: Assignment | None, host_uuid: str) -> Amounts:
    """Return what an instance takes of a host's own columns, where an assignment may say that others give a part.

    Without a candidate the host's own inventory gives all that placement is asked for.
    """
    if assignment is None or assignment.candidate is None:
        return amounts
    own = dict(next((taken for uuid, taken in assignment.candidate.allocations if uuid == host_uuid), ()))
    return amounts._replace(
        requested_vcpu=own.get(VCPU, 0),
        requested_memory_mb=own.get(MEMORY_MB, 0),
        requested_disk_gb=own.get(DISK_GB, 0),
    )


def apply_usage(
    row: int,
    sign: int,
    amounts: Any,
    generation_now: int,
    vcpu_used: npt.NDArray[np.int32],
    vcpu_free: npt.NDArray[np.int32],
    memory_mb_used: npt.NDArray[np.int32],
    memory_mb_free: npt.NDArray[np.int32],
    disk_gb_used: npt.NDArray[np.int32],
    disk_gb_free: npt.NDArray[np.int32],
    vcpus_used: npt.NDArray[np.int32],
    vcpu_total: npt.NDArray[np.int32],
    vcpu_allocation_ratio: npt.NDArray[np.float64],
    cpu_free: npt.NDArray[np.float64],
    free_ram_mb: npt.NDArray[np.int32],
    free_disk_gb: npt.NDArray[np.int32],
    num_instances: npt.NDArray[np.int32],
    generation: npt.NDArray[np.int64],
) -> None:
    """Add (sign 1) or take back (sign -1) one instance's ``amounts`` (int64[6], in the order of Amounts) on ``row``."""
    vcpu_used[row] += sign * amounts[0]
    vcpu_free[row] -= sign * amounts[0]
    memory_mb_used[row] += sign * amounts[1]
    memory_mb_free[row] -= sign * amounts[1]
    disk_gb_used[row] += sign * amounts[2]
    disk_gb_free[row] -= sign * amounts[2]
    vcpus_used[row] += sign * amounts[3]
    # from the total each time, as nova computes it: a running difference of floats would drift from its answer
    cpu_free[row] = vcpu_total[row] * vcpu_allocation_ratio[row] - vcpus_used[row]
    free_ram_mb[row] -= sign * amounts[4]
    free_disk_gb[row] -= sign * amounts[5]
    num_instances[row] += sign
    generation[row] = generation_now


_SUMS = (
    ("vcpu_used", 0, 1),
    ("vcpu_free", 0, -1),
    ("memory_mb_used", 1, 1),
    ("memory_mb_free", 1, -1),
    ("disk_gb_used", 2, 1),
    ("disk_gb_free", 2, -1),
    ("vcpus_used", 3, 1),
    ("free_ram_mb", 4, -1),
    ("free_disk_gb", 5, -1),
)
"""(column, index into Amounts, direction of a claim): the sums of ``apply_usage``, for many rows at once."""


def apply_usages(
    rows: npt.NDArray[np.int64], sign: int, amounts: npt.NDArray[np.int64], usage: Mapping[str, npt.NDArray[Any]]
) -> None:
    """Add or take back ``amounts`` (int64[n, 6]) on ``rows``, which may repeat: ``apply_usage`` but for the generation.

    ``usage`` holds the columns of USAGE_COLUMNS by name.
    """
    for column, index, direction in _SUMS:
        np.add.at(usage[column], rows, (direction * sign * amounts[:, index]).astype(np.int32))
    np.add.at(usage["num_instances"], rows, np.int32(sign))
    capacity = usage["vcpu_total"][rows] * usage["vcpu_allocation_ratio"][rows]
    usage["cpu_free"][rows] = capacity - usage["vcpus_used"][rows]
