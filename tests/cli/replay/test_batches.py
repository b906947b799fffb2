from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.replay.batches import batches
from engine.cli.replay.tokens import run_tokens
from engine.whatif.workloads.events import events_in_order
from tests.traces import SHAPES, one_by_one, traces


class FirstFit:
    """Two small hosts, filled first-fit: the order of events decides who finds room."""

    def __init__(self):
        self.free = [6, 5]
        self.held = {}

    def place(self, key, vcpus):
        host = next((host for host, free in enumerate(self.free) if free >= vcpus), None)
        if host is not None:
            self.free[host] -= vcpus
            self.held[key] = (host, vcpus)
        return host

    def release(self, key):
        if key in self.held:
            host, vcpus = self.held.pop(key)
            self.free[host] += vcpus


@given(traces(), st.integers(1, 9))
def test_batches_place_every_vm_where_single_events_place_it(trace, batch):
    tokens = run_tokens("a run", trace.rows)
    single, batched = FirstFit(), FirstFit()
    expected = {}
    for vm, create in one_by_one(trace):
        key = tokens[vm].tobytes()
        if create:
            expected[key] = single.place(key, SHAPES[trace.shape_codes[vm]].vcpus)
        else:
            single.release(key)
    vcpus_of = {shape.name: shape.vcpus for shape in SHAPES}
    got = {}
    for sequence, message in enumerate(batches(trace, events_in_order(trace), tokens, batch=batch, project="p")):
        assert (message.sequence, message.project_id) == (sequence, "p")
        positions = np.frombuffer(message.release_positions, "<u4").tolist()
        released = [message.release_consumers[begin : begin + 16] for begin in range(0, 16 * len(positions), 16)]
        assert len(message.release_consumers) == 16 * len(positions)
        assert positions == sorted(positions)
        codes = np.frombuffer(message.flavor_codes, "<u4").tolist()
        assert len(message.tokens) == 16 * len(codes)
        assert len(codes) + len(released) <= batch
        for place in range(len(codes) + 1):
            for key, position in zip(released, positions, strict=True):
                if position == place:
                    batched.release(key)
            if place < len(codes):
                key = message.tokens[16 * place : 16 * place + 16]
                got[key] = batched.place(key, vcpus_of[message.flavor_names[codes[place]]])
    assert got == expected
    assert batched.held == single.held
