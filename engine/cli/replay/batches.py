"""The messages of a replay: batches of events in columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.v1.scheduler_service_pb2 import SelectDestinationsStreamRequest
from engine.whatif.workload import Events
from engine.whatif.workloads.trace import Trace


def batches(
    trace: Trace, events: Events, tokens: NDArray[np.uint8], *, batch: int, project: str
) -> Iterator[SelectDestinationsStreamRequest]:
    """Yields the events as messages, ``batch`` of them in each, numbered from 0.

    A delete says how many creates come before it.
    A message names only the flavors it uses: in a trace of many shapes the names would outweigh the rest.
    """
    names = [shape.name for shape in trace.shapes]
    for sequence, begin in enumerate(range(0, len(events), batch)):
        vms, creates = events.instances[begin : begin + batch], events.creates[begin : begin + batch]
        created, deleted = vms[creates], vms[~creates]
        codes = trace.shape_codes[created]
        used = np.flatnonzero(np.bincount(codes, minlength=len(names)))
        yield SelectDestinationsStreamRequest(
            flavor_names=[names[code] for code in used.tolist()],
            flavor_codes=np.searchsorted(used, codes).astype("<u4").tobytes(),
            tokens=tokens[created].tobytes(),
            release_consumers=tokens[deleted].tobytes(),
            release_positions=np.cumsum(creates)[~creates].astype("<u4").tobytes(),
            project_id=project,
            sequence=sequence,
        )
