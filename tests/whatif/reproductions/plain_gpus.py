"""A replay of shared GPUs in plain arrays, written apart from the engine: what the reproduction is held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Share:
    """What one request wants: thousandths of a vCPU, MiB, and ``amount`` of each of ``count`` GPUs."""

    vcpus: int
    memory_mb: int
    amount: int
    count: int


@dataclass(frozen=True)
class Typical:
    """Typical requests in columns: vCPUs, amount and number of GPUs int64[n], and how often each comes, 1 in all."""

    vcpus: Numbers
    amounts: Numbers
    counts: Numbers
    shares: npt.NDArray[np.float64]

    @classmethod
    def of(cls, entries: Sequence[str]) -> Typical:
        """Return what ``vcpus:amount:count:weight`` entries say."""
        columns = np.array([[float(part) for part in entry.split(":")] for entry in entries]).T
        vcpus, amounts, counts = columns[:3].astype(np.int64)
        return cls(vcpus, amounts, counts, columns[3] / columns[3].sum())


class PlainGpus:
    """Hosts with what is free: ``vcpus``, ``memory_mb`` int64[hosts], ``gpus`` int64[hosts, most], -1 for none."""

    def __init__(self, vcpus: Numbers, memory_mb: Numbers, gpus: Iterable[int]) -> None:
        self.vcpus, self.memory_mb = vcpus.copy(), memory_mb.copy()
        counts = np.array(list(gpus), dtype=np.int64)
        self.gpus = np.where(np.arange(counts.max()) < counts[:, np.newaxis], 1000, -1)
        self.largest = int(vcpus.max()), 1000 * int(counts.max())

    def place(self, share: Share, policy: str, typical: Typical) -> int:
        """Return the host that takes a request, -1 for none."""
        enough = (self.gpus >= share.amount).sum(axis=1) >= share.count if share.count else True
        fitting = np.flatnonzero((self.vcpus >= share.vcpus) & (self.memory_mb >= share.memory_mb) & enough)
        if not len(fitting):
            return -1
        row = int(fitting[np.argmax(self.scores(share, policy, typical, fitting))])
        self.vcpus[row] -= share.vcpus
        self.memory_mb[row] -= share.memory_mb
        self.gpus[row] = self.after(share, np.array([row]))[0]
        return row

    def scores(self, share: Share, policy: str, typical: Typical, rows: Numbers) -> npt.NDArray[np.float64]:
        """Return each host's score; of equals the first is taken."""
        if policy == "FirstFit":
            return np.zeros(len(rows))
        if policy == "BestFit":
            gpu = np.maximum(self.gpus[rows], 0).sum(axis=1) - share.amount * share.count
            left = (self.vcpus[rows] - share.vcpus) / self.largest[0] * 0.5 + gpu / self.largest[1] * 0.5
            return np.trunc((1.0 - left) * 100)
        before = fragmented(self.vcpus[rows], self.gpus[rows], typical)
        after = fragmented(self.vcpus[rows] - share.vcpus, self.after(share, rows), typical)
        return np.floor(100.0 / (1.0 + np.exp(-(before - after) / 1000)))

    def after(self, share: Share, rows: Numbers) -> Numbers:
        """Return what GPUs have free once the first that have room were taken from."""
        gpus = self.gpus[rows]
        if share.count:
            able = gpus >= share.amount
            gpus = gpus - np.where(able & (np.cumsum(able, axis=1) <= share.count), share.amount, 0)
        return gpus


def fragmented(vcpus: Numbers, gpus: Numbers, typical: Typical) -> npt.NDArray[np.float64]:
    """Return what is expected to be free of GPUs and of no use to a typical request, float64[hosts]."""
    free = np.maximum(gpus, 0)
    total = free.sum(axis=1)
    expected = np.zeros(len(vcpus))
    for asked, amount, count, share in zip(typical.vcpus, typical.amounts, typical.counts, typical.shares, strict=True):
        able = gpus >= amount
        fits = (count > 0) & (vcpus >= asked) & (able.sum(axis=1) >= count)
        expected += share * np.where(fits, (free * ~able).sum(axis=1), total)
    return expected
