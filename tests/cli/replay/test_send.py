from __future__ import annotations

import numpy as np
import pytest

from engine.cli.replay.send import send
from engine.errors import EngineError, ShuttingDownError, TokenReusedError
from engine.placement_stream import BatchAnswer
from engine.whatif.workloads.trace import read_trace


class Scripted:
    """A client whose stream answers every request of a batch with one outcome, and may end early."""

    def __init__(self, outcome=1, batches=None):
        self.outcome = outcome
        self.batches = batches
        self.flavors = []

    def update_flavors(self, flavors):
        self.flavors.extend(flavors)

    def stream(self, messages):
        for message in messages:
            if message.sequence == self.batches:
                raise ShuttingDownError("the service is draining")
            count = len(message.tokens) // 16
            outcomes = np.full(count, self.outcome, np.uint8)
            released = len(message.release_consumers) // 16
            yield BatchAnswer(message.sequence, outcomes, np.zeros(count, np.uint32), ["a"], released, 1)


def sent(client, file):
    return send(client, read_trace(file), run="r", batch=1, project="", on_progress=lambda _done, _total: None)


def test_flavors_are_made_of_the_distinct_shapes(trace_file):
    client = Scripted()
    outcome = sent(client, trace_file(disk_gb=[0, 7, 0, 0]))
    assert [(flavor.name, flavor.vcpus, flavor.memory_mb, flavor.root_gb) for flavor in client.flavors] == [
        ("replay-1c-1024m-0g", 1, 1024, 0),
        ("replay-2c-2048m-7g", 2, 2048, 7),
        ("replay-4c-4096m-0g", 4, 4096, 0),
    ]
    assert (outcome.placed, outcome.released) == (4, 3)


def test_progress_is_told_with_every_answer(trace_file):
    seen = []
    trace = read_trace(trace_file())
    send(Scripted(), trace, run="r", batch=1, project="", on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)
    assert seen == sorted(seen)


def test_a_failure_says_how_far_the_replay_came(trace_file):
    with pytest.raises(ShuttingDownError, match="2 of 4 creates of run 'r'") as caught:
        sent(Scripted(batches=2), trace_file())
    assert caught.value.details["creates_answered"] == "2"


def test_tokens_of_other_vms_and_unknown_outcomes_end_the_replay(trace_file):
    with pytest.raises(TokenReusedError, match="--run"):
        sent(Scripted(outcome=3), trace_file())
    with pytest.raises(EngineError, match="not known"):
        sent(Scripted(outcome=77), trace_file())
