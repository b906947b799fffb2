"""The messages of a replay: batches of events in columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.cli.replay.events import Events, cuts
from engine.cli.replay.trace import Trace
from engine.v1.scheduler_service_pb2 import SelectDestinationsStreamRequest


def batches(
    trace: Trace, events: Events, tokens: NDArray[np.uint8], *, batch: int, project: str
) -> Iterator[SelectDestinationsStreamRequest]:
    """Yields the events as messages, ``batch`` creates and deletes at most in each, numbered from 0.

    A message names only the flavors it uses: in a trace of many shapes the names would outweigh the rest.
    """
    names = [shape.name for shape in trace.shapes]
    shapes = trace.shape_codes[events.vms]
    event_tokens = tokens[events.vms]
    bounds = cuts(events.creates, batch)
    creates_before = np.concatenate([[0], np.cumsum(events.creates)])[bounds]
    middles = bounds[1:] - np.diff(creates_before)
    edges = zip(bounds[:-1].tolist(), middles.tolist(), bounds[1:].tolist(), strict=True)
    for sequence, (begin, middle, end) in enumerate(edges):
        codes = shapes[middle:end]
        used = np.flatnonzero(np.bincount(codes, minlength=len(names)))
        yield SelectDestinationsStreamRequest(
            flavor_names=[names[code] for code in used.tolist()],
            flavor_codes=np.searchsorted(used, codes).astype("<u4").tobytes(),
            tokens=event_tokens[middle:end].tobytes(),
            release_consumers=event_tokens[begin:middle].tobytes(),
            project_id=project,
            sequence=sequence,
        )
