"""Decisions: what became of every request and of every instance that had to move, in columns, and why not."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class Cause(IntEnum):
    """Why a decision was taken."""

    CREATE = 0
    EVACUATE = 1
    DRAIN = 2


class Outcome(IntEnum):
    """What became of it: a host was found, or none was."""

    PLACED = 0
    REFUSED = 1


class Reason(IntEnum):
    """What most of the hosts lack that pass the text filters, for a decision that found none.

    ``FILTERED``: no host passes those. ``OTHER``: a filter of the chain that is none of these (a group's, of devices).
    """

    NONE = 0
    VCPU = 1
    MEMORY_MB = 2
    DISK_GB = 3
    INSTANCES = 4
    FILTERED = 5
    OTHER = 6


DECISION_SCHEMA: Final = pa.schema(
    [
        pa.field("time_s", pa.float64()),
        pa.field("instance", pa.string()),
        pa.field("flavor", pa.dictionary(pa.int32(), pa.string())),
        pa.field("cause", pa.dictionary(pa.int8(), pa.string())),
        pa.field("outcome", pa.dictionary(pa.int8(), pa.string())),
        pa.field("host_id", pa.dictionary(pa.int32(), pa.string())),
        pa.field("weight", pa.float64()),
        pa.field("reason", pa.dictionary(pa.int8(), pa.string())),
        pa.field("hosts_short_of_vcpu", pa.int32()),
        pa.field("hosts_short_of_memory", pa.int32()),
        pa.field("hosts_short_of_disk", pa.int32()),
        pa.field("hosts_full_of_instances", pa.int32()),
        pa.field("hosts_filtered", pa.int32()),
    ]
)
"""``host_id``, ``weight`` are null where refused, ``reason`` and the counts where placed.

A host may be short of several; ``hosts_filtered`` fail a filter other than those of amounts and numbers of instances.
"""


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions in columns, in the order they were taken.

    ``times_s`` float64; ``instances`` int64: the world's number of the instance; ``codes`` int32: its request;
    ``causes``, ``outcomes``, ``reasons`` int8; ``rows`` int32, -1 for none; ``weights`` float64; ``short`` int32[n, 5]:
    hosts short of vCPUs, memory, disk, at the most instances, and filtered otherwise.
    """

    times_s: npt.NDArray[np.float64]
    instances: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int32]
    causes: npt.NDArray[np.int8]
    outcomes: npt.NDArray[np.int8]
    reasons: npt.NDArray[np.int8]
    rows: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]
    short: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def refused(self) -> npt.NDArray[np.bool_]:
        """Which of them found no host."""
        return np.asarray(self.outcomes == Outcome.REFUSED)

    @classmethod
    def joined(cls, parts: list[Decisions]) -> Decisions:
        """Return decisions one after the other."""
        if not parts:
            return cls.empty(0)
        return cls(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(cls)))

    @classmethod
    def of(
        cls,
        times_s: float | npt.NDArray[np.float64],
        instances: npt.NDArray[np.int64],
        codes: npt.NDArray[np.int32],
        cause: Cause,
        rows: npt.NDArray[np.int32],
        weights: npt.NDArray[np.float64],
    ) -> Decisions:
        """Return decisions on instances, refused where the row is negative; why is yet to be filled in."""
        made = cls.empty(len(instances))
        made.times_s[:] = times_s
        made.instances[:] = instances
        made.codes[:] = codes
        made.causes[:] = cause
        made.outcomes[:] = np.where(rows < 0, Outcome.REFUSED, Outcome.PLACED)
        made.rows[:] = rows
        made.weights[:] = weights
        return made

    @classmethod
    def empty(cls, many: int) -> Decisions:
        """Return room for so many decisions."""
        return cls(
            np.zeros(many, dtype=np.float64),
            np.zeros(many, dtype=np.int64),
            np.zeros(many, dtype=np.int32),
            np.zeros(many, dtype=np.int8),
            np.zeros(many, dtype=np.int8),
            np.zeros(many, dtype=np.int8),
            np.full(many, -1, dtype=np.int32),
            np.zeros(many, dtype=np.float64),
            np.zeros((many, 5), dtype=np.int32),
        )
