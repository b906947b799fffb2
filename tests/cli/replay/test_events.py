from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.replay.batches import batches
from engine.cli.replay.events import cuts, events_in_order
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


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 7))
def test_batches_are_deletes_then_creates_and_no_longer_than_asked(kinds, batch):
    creates = np.array(kinds, bool)
    bounds = cuts(creates, batch).tolist()
    assert bounds[-1] == len(kinds)
    assert bounds == sorted(set(bounds))
    assert not kinds or bounds[0] == 0
    for begin, end in itertools.pairwise(bounds):
        part = kinds[begin:end]
        assert part == sorted(part)
        assert part.count(True) <= batch
        assert part.count(False) <= batch


@given(st.lists(st.booleans(), max_size=60))
def test_there_is_no_needless_cut(kinds):
    creates = np.array(kinds, bool)
    bounds = cuts(creates, 1000).tolist()
    needed = sum(1 for before, after in itertools.pairwise(kinds) if before and not after)
    assert len(bounds) - 1 == (needed + 1 if kinds else 0)


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
        released = message.release_consumers
        for begin in range(0, len(released), 16):
            batched.release(released[begin : begin + 16])
        codes = np.frombuffer(message.flavor_codes, "<u4").tolist()
        assert len(message.tokens) == 16 * len(codes)
        for place, code in enumerate(codes):
            key = message.tokens[16 * place : 16 * place + 16]
            got[key] = batched.place(key, vcpus_of[message.flavor_names[code]])
    assert got == expected
    assert batched.held == single.held
