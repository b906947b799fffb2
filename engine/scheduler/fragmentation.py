"""FragmentationScores: by how much an instance would fragment the GPUs of hosts, kept until a host changes.

The measure is that of Weng et al. (USENIX ATC'23): to a request that does not fit a host all that is free of its GPUs
is fragmented, to one that fits what is free on GPUs too small for it, to one that wants no GPU all of it; a host's
fragmentation is the mean over typical requests. Of the free amounts those that hold the request are taken first in the
order of the tree, as the scheduler takes them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.scheduler.compiler import compiling, load_kernels
from engine.scheduler.gpu_shares import GpuShares, ShareAsk
from engine.scheduler.kernel_functions import functions_text
from engine.scheduler.typical_requests import typical_requests

Rows = npt.NDArray[np.int64]
Wholes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
DEFAULT_BUDGET_BYTES = 64 * 1024 * 1024
_BYTES_A_ROW = 16


def fragmentation(vcpus: Any, free: Wholes, typical: Wholes, shares: Floats) -> Any:
    """Return how much of a host's ``free`` (int64[GPUs]) is expected to be of no use beside so many free ``vcpus``.

    ``typical`` is int64[n, 3]: vCPUs, amount and number of GPUs; ``shares`` how often each is asked for, 1 in all.
    """
    total = 0
    for g in range(len(free)):
        total += free[g]
    expected = 0.0
    for t in range(len(shares)):
        enough = 0
        small = 0
        for g in range(len(free)):
            if free[g] >= typical[t, 1]:
                enough += 1
            else:
                small += free[g]
        fits = typical[t, 2] > 0 and vcpus >= typical[t, 0] and enough >= typical[t, 2]
        expected += shares[t] * (small if fits else total)
    return expected


def fragmentation_scores(
    vcpus: npt.NDArray[np.int32],
    rooms: npt.NDArray[np.int32],
    asked_vcpus: int,
    amounts: Wholes,
    isolated: bool,
    unit: float,
    typical: Wholes,
    shares: Floats,
    scores: Floats,
) -> None:
    """Fill ``scores`` (float64[n]) of hosts with so many free ``vcpus`` (int32[n]) and ``rooms`` (int32[n, GPUs]).

    ``amounts`` are taken one after the other of the first GPU that has room, with ``isolated`` each of another one;
    ``unit`` is the amount of a whole GPU. 50 is a host that is fragmented as before, 100 one that is far less so.
    """
    free = np.zeros(rooms.shape[1], dtype=np.int64)
    taken = np.zeros(rooms.shape[1], dtype=np.int64)
    for i in range(len(scores)):
        for g in range(len(free)):
            free[g] = rooms[i, g]
            taken[g] = 0
        before = fragmentation(vcpus[i], free, typical, shares)
        for a in range(len(amounts)):
            for g in range(len(free)):
                if free[g] >= amounts[a] and not (isolated and taken[g]):
                    free[g] -= amounts[a]
                    taken[g] = 1
                    break
        after = fragmentation(vcpus[i] - asked_vcpus, free, typical, shares)
        scores[i] = np.floor(100.0 / (1.0 + np.exp(-(before - after) / unit)))


_HELPERS: tuple[Callable[..., Any], ...] = (fragmentation,)
_ENTRIES: tuple[Callable[..., Any], ...] = (fragmentation_scores,)


@cache
def compiled() -> ModuleType:
    """Return the module of the compiled kernel ``fragmentation_scores``."""
    with compiling():
        kernels = load_kernels(functions_text(_ENTRIES, _HELPERS))
        none, wholes, floats = np.zeros(0, np.int32), np.zeros((0, 3), np.int64), np.zeros(0, np.float64)
        kernels.fragmentation_scores(
            none, none.reshape(0, 0), 0, wholes[:, 0].copy(), False, 1.0, wholes, floats, floats
        )
    return kernels


class FragmentationScores:
    """The scores of one fleet's hosts for each kind of request, within a budget of memory: the oldest makes room."""

    def __init__(
        self, shares: GpuShares, entries: tuple[str, ...], *, budget_bytes: int = DEFAULT_BUDGET_BYTES
    ) -> None:
        typical = typical_requests(entries)
        weights = np.array([item.weight for item in typical], dtype=np.float64)
        self.budget_bytes = budget_bytes
        self.scored = 0
        """How many hosts were scored since the start."""
        self._shares = shares
        self._typical = np.array([(item.vcpus, item.amount, item.count) for item in typical], dtype=np.int64)
        self._weights = weights / weights.sum()
        self._kept: OrderedDict[tuple[ShareAsk, float], tuple[Rows, Floats]] = OrderedDict()

    def of(self, fleet: Fleet, ask: ShareAsk, rows: Rows) -> Floats:
        """Return float64[rows]: each host's score for a request, computed anew of those that changed since."""
        length = len(fleet.columns["present"])
        unit = float(max(self._shares.largest(fleet).gpu, 1))
        key = ask, unit
        kept = self._kept.get(key)
        if kept is None or len(kept[0]) != length:
            kept = self._kept[key] = np.full(length, -1, dtype=np.int64), np.zeros(length, dtype=np.float64)
        self._kept.move_to_end(key)
        while len(self._kept) > max(2, self.budget_bytes // (_BYTES_A_ROW * length)):
            self._kept.popitem(last=False)
        seen, scores = kept
        generations = fleet.columns["generation"]
        changed = rows[seen[rows] != generations[rows]]
        if len(changed):
            seen[changed] = generations[changed]
            scores[changed] = self._score(fleet, ask, unit, changed)
        return np.asarray(scores[rows])

    def _score(self, fleet: Fleet, ask: ShareAsk, unit: float, rows: Rows) -> Floats:
        self.scored += len(rows)
        scores = np.empty(len(rows), dtype=np.float64)
        compiled().fragmentation_scores(
            fleet.columns["vcpu_free"][rows],
            self._shares.free(fleet, rows),
            ask.vcpus,
            np.array(ask.amounts, dtype=np.int64),
            ask.isolated,
            unit,
            self._typical,
            self._weights,
            scores,
        )
        return scores
