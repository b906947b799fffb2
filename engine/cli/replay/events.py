"""The events of a trace in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.cli.replay.trace import Trace


@dataclass(frozen=True, slots=True)
class Events:
    """Creates and deletes in order: ``vms`` is the trace's entry of each event, ``creates`` whether it is a create."""

    vms: NDArray[np.int64]
    creates: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.vms)


def events_in_order(trace: Trace) -> Events:
    """Returns a trace's events in time order; at equal times deletes come before creates, then the smaller vm_id.

    A VM deleted in the instant of its creation cannot go before it is there: its delete directly follows its create.
    """
    ending = np.flatnonzero(trace.ends)
    vms = np.concatenate([ending, np.arange(len(trace))])
    deletes = np.arange(len(vms)) < len(ending)
    times = np.concatenate([trace.deleted[ending], trace.created])
    # False sorts first: ordinary deletes are done before anything else of their time.
    later = ~deletes
    later[: len(ending)] = trace.deleted[ending] == trace.created[ending]
    order = np.lexsort((deletes, trace.ranks[vms], later, times))
    return Events(vms[order], ~deletes[order])
