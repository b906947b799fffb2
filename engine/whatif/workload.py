"""Workload: instances in columns, what each asks for, and the events of their coming and going in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.model.request_spec import RequestSpec

NO_GROUP = -1


@dataclass(frozen=True, slots=True)
class GroupRule:
    """What a server group wants: its policy, and how many of it a host may have."""

    policy: str
    max_server_per_host: int = 1


@dataclass(frozen=True, slots=True)
class Events:
    """Creates and deletes in the order they happen, one entry an event.

    ``instances`` int64: the workload's entry; ``creates`` bool; ``times_s`` float64, never falling. An instance's
    delete comes after its create.
    """

    instances: npt.NDArray[np.int64]
    creates: npt.NDArray[np.bool_]
    times_s: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.instances)


@dataclass(frozen=True, slots=True)
class Workload:
    """Instances, one entry each, and their events.

    ``requests``: what is asked for, each a request for one instance; ``codes`` int32: the request of each instance;
    ``names``: what the source calls each instance, text or whole numbers; ``groups`` int32: the number of its
    server group, NO_GROUP for none, all under ``rule``. ``stop_after_refusals``: a fill ends there (0: goes
    on to its end).
    """

    requests: tuple[RequestSpec, ...]
    codes: npt.NDArray[np.int32]
    names: pa.Array
    events: Events
    groups: npt.NDArray[np.int32] | None = None
    rule: GroupRule | None = None
    stop_after_refusals: int = 0

    def __len__(self) -> int:
        return len(self.codes)


def _nothing() -> Workload:
    none = np.empty(0, dtype=np.int64)
    events = Events(none, none.astype(np.bool_), none.astype(np.float64))
    return Workload((), none.astype(np.int32), pa.array([], pa.int64()), events)


NOTHING: Workload = _nothing()
"""A workload of no instances."""
