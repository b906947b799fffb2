"""What came of a replay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.v1.scheduler_service_pb2 import PlacementOutcome
from engine.whatif.workload import Events
from engine.whatif.workloads.trace import Shape, Trace

PLACED = int(PlacementOutcome.PLACEMENT_OUTCOME_PLACED)
REFUSED = int(PlacementOutcome.PLACEMENT_OUTCOME_NO_VALID_HOST)
TOKEN_REUSED = int(PlacementOutcome.PLACEMENT_OUTCOME_TOKEN_REUSED)
REPEATED = int(PlacementOutcome.PLACEMENT_OUTCOME_REPEATED)


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """A replay in numbers: ``peak_placed`` is the most VMs placed at once, ``refused_shapes`` have the most first.

    ``placed`` counts those placed before by the same run as well, ``repeated`` says how many those are.
    """

    run: str
    creates: int
    deletes: int
    batches: int
    placed: int
    repeated: int
    refused: int
    released: int
    peak_placed: int
    seconds: float
    refused_shapes: tuple[tuple[Shape, int], ...]

    @property
    def events(self) -> int:
        """How many events were sent."""
        return self.creates + self.deletes

    @property
    def events_per_second(self) -> float:
        """Events answered in a second, from the first sent to the last answered."""
        return self.events / self.seconds if self.seconds else 0.0


def summed_up(
    run: str,
    trace: Trace,
    events: Events,
    outcomes: NDArray[np.uint8],
    *,
    released: int,
    batches: int,
    seconds: float,
) -> ReplayOutcome:
    """Returns a replay in numbers; ``outcomes`` is a PlacementOutcome a create, in the order of the creates."""
    of_vm = np.zeros(len(trace), np.uint8)
    of_vm[events.instances[events.creates]] = outcomes
    placed = ((of_vm == PLACED) | (of_vm == REPEATED)).astype(np.int64)
    # Counted from the answers, not from what the service held, so that a repeated run has the same peak.
    steps = np.where(events.creates, placed[events.instances], -placed[events.instances])
    refused = np.bincount(trace.shape_codes[of_vm == REFUSED], minlength=len(trace.shapes))
    most_first = np.argsort(-refused, kind="stable")[: np.count_nonzero(refused)]
    return ReplayOutcome(
        run=run,
        creates=len(outcomes),
        deletes=len(events) - len(outcomes),
        batches=batches,
        placed=int(placed.sum()),
        repeated=int(np.count_nonzero(outcomes == REPEATED)),
        refused=int(np.count_nonzero(outcomes == REFUSED)),
        released=released,
        peak_placed=int(np.cumsum(steps).max(initial=0)),
        seconds=seconds,
        refused_shapes=tuple((trace.shapes[code], int(refused[code])) for code in most_first.tolist()),
    )
