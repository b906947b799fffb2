"""Floors and second opinions: the least that any scan must do, and selection written again in plain numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from engine.inventory.schema import COLUMN_BY_NAME
from engine.inventory.usage import Amounts
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions

Columns = Mapping[str, npt.NDArray[Any]]


def columns_scanned(chain: Chain) -> list[str]:
    """Return the columns that the chain's filters and a view's weighers read; those that only claims touch are none."""
    plugins = [*chain.column_filters, *(chain.weighers[index] for index in chain.view_weighers)]
    return list(dict.fromkeys(name for plugin in plugins for name in plugin.parameters if name in COLUMN_BY_NAME))


@numba.njit(nogil=True, boundscheck=False)  # type: ignore[untyped-decorator]
def read_words(columns: tuple[npt.NDArray[np.int64], ...]) -> int:
    """Return the sum of all words (it wraps round): each column is read once and nothing else is done.

    A column is read whole. Block by block, as the kernels go, costs 1.4 ns a host where this costs 0.5 in the cache,
    so this floor is the stricter one; as words of 64 bits, 4-byte columns are not widened in the sum.
    """
    total = np.int64(0)
    for column in columns:
        for j in range(len(column)):
            total += column[j]
    return total


def as_words(columns: Columns, names: Sequence[str]) -> tuple[npt.NDArray[np.int64], ...]:
    """Return the columns' memory as words of 64 bits: columns are padded to 256 rows, so each is whole words."""
    return tuple(columns[name].view(np.int64) for name in names)


@dataclass(frozen=True)
class Best:
    """A selection's answer: the row (-1 for none), its weight, and how many hosts passed."""

    row: int
    weight: float
    survivors: int


def weigher_values(
    columns: Columns, options: SchedulerOptions
) -> tuple[tuple[float, npt.NDArray[np.float64], bool], ...]:
    """Return nova's default weighers: the multiplier, each host's value, and whether 0 is their fixed lower end."""
    failed_builds = columns["failed_builds"].astype(np.float64)
    return (
        (-options.build_failure_weight_multiplier, failed_builds, False),
        (options.cpu_weight_multiplier, np.maximum(columns["cpu_free"], 0.0), True),
        (options.disk_weight_multiplier, np.maximum(columns["free_disk_gb"], 0.0), True),
        (options.hypervisor_version_weight_multiplier, columns["hypervisor_version"].astype(np.float64), False),
        (options.io_ops_weight_multiplier, np.maximum(columns["num_io_ops"], 0.0), True),
        (options.ram_weight_multiplier, np.maximum(columns["free_ram_mb"], 0.0), True),
    )


def fits(columns: Columns, amounts: Amounts) -> npt.NDArray[np.bool_]:
    """Return which hosts take the amounts."""
    names = ("vcpu_free", "memory_mb_free", "disk_gb_free")
    mask = columns["present"] != 0
    for name, amount in zip(names, amounts[:3], strict=True):
        if amount:
            mask &= columns[name] >= amount
    return mask


def numpy_weights(columns: Columns, mask: npt.NDArray[np.bool_], options: SchedulerOptions) -> npt.NDArray[np.float64]:
    """Return the weights of the hosts in ``mask`` under the default weighers, -inf for the rest."""
    weights = np.zeros(len(mask))
    for factor, values, from_zero in weigher_values(columns, options):
        passing = values[mask]
        low = 0.0 if from_zero else passing.min(initial=np.inf)
        high = passing.max(initial=-np.inf)
        if factor and len(passing) > 1 and high != low:
            weights += factor * ((values - low) / (high - low))
    return np.where(mask, weights, -np.inf)


def numpy_best(columns: Columns, amounts: Amounts, options: SchedulerOptions) -> Best:
    """Return the default chain's answer to a plain request, one numpy pass a filter and a few a weigher."""
    mask = fits(columns, amounts) & (columns["service_up"] != 0)
    survivors = int(mask.sum())
    if not survivors:
        return Best(-1, 0.0, 0)
    weights = numpy_weights(columns, mask, options)
    row = int(np.argmax(weights))
    return Best(row, float(weights[row]), survivors)
