from __future__ import annotations

import numpy as np

from engine.cli.replay.outcome import PLACED, REFUSED, REPEATED, summed_up
from engine.whatif.workloads.events import events_in_order
from engine.whatif.workloads.trace import Shape, Trace


def test_the_numbers_of_a_replay():
    trace = Trace(
        rows=np.arange(4),
        ranks=np.arange(4),
        created=np.array([0, 1, 2, 3]),
        deleted=np.array([3, 9, 2, 0]),
        ends=np.array([True, True, True, False]),
        shape_codes=np.array([0, 1, 1, 0], np.uint32),
        shapes=(Shape(1, 1, 0), Shape(2, 2, 0)),
    )
    events = events_in_order(trace)
    outcomes = np.array([PLACED, REFUSED, REFUSED, REPEATED], np.uint8)
    outcome = summed_up("r", trace, events, outcomes, released=1, batches=3, seconds=2.0)
    assert (outcome.events, outcome.creates, outcome.deletes) == (7, 4, 3)
    assert (outcome.placed, outcome.repeated, outcome.refused) == (2, 1, 2)
    assert outcome.peak_placed == 1
    assert outcome.refused_shapes == ((Shape(2, 2, 0), 2),)
    assert outcome.events_per_second == 3.5
