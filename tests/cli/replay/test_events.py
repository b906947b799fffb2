from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.replay.batches import batches
from engine.cli.replay.events import events_in_order
from engine.cli.replay.tokens import run_tokens
from engine.cli.replay.trace import Shape, Trace

SHAPES = (Shape(1, 1, 0), Shape(2, 1, 0), Shape(5, 1, 0))


@st.composite
def traces(draw):
    """Few distinct times, so that most events share one."""
    count = draw(st.integers(0, 40))
    created = np.array(draw(st.lists(st.integers(0, 6), min_size=count, max_size=count)), np.int64)
    lives = draw(st.lists(st.none() | st.integers(0, 4), min_size=count, max_size=count))
    ends = np.array([life is not None for life in lives], bool)
    deleted = created + np.array([life or 0 for life in lives], np.int64)
    codes = np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)), np.uint32)
    ranks = np.array(draw(st.permutations(range(1, count + 1))), np.int64)
    return Trace(np.arange(count), ranks, created, deleted, ends, codes, SHAPES)


def one_by_one(trace):
    """The events in order, by sorting them as objects."""
    events = []
    for vm in range(len(trace)):
        rank, created = int(trace.ranks[vm]), int(trace.created[vm])
        events.append(((created, 1, rank, 0), vm, True))
        if trace.ends[vm]:
            deleted = int(trace.deleted[vm])
            events.append(((deleted, int(deleted == created), rank, 1), vm, False))
    return [(vm, create) for _, vm, create in sorted(events)]


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


@given(traces())
def test_events_go_by_time_then_deletes_then_creates_then_vm_id(trace):
    events = events_in_order(trace)
    assert list(zip(events.vms.tolist(), events.creates.tolist(), strict=True)) == one_by_one(trace)


@given(traces())
def test_no_vm_is_deleted_before_it_is_created(trace):
    created = set()
    events = events_in_order(trace)
    for vm, create in zip(events.vms.tolist(), events.creates.tolist(), strict=True):
        assert create != (vm in created)
        created.add(vm)


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
