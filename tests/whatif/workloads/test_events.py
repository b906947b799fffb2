from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from engine.whatif.workloads.events import events_in_order
from tests.traces import one_by_one, traces


@given(traces())
@settings(deadline=None)
def test_events_go_by_time_then_deletes_then_creates_then_vm_id(trace):
    events = events_in_order(trace)
    assert list(zip(events.instances.tolist(), events.creates.tolist(), strict=True)) == one_by_one(trace)


@given(traces())
@settings(deadline=None)
def test_no_vm_is_deleted_before_it_is_created(trace):
    created = set()
    events = events_in_order(trace)
    for vm, create in zip(events.instances.tolist(), events.creates.tolist(), strict=True):
        assert create != (vm in created)
        created.add(vm)


@given(traces())
@settings(deadline=None)
def test_times_never_fall_and_are_those_of_the_lives(trace):
    events = events_in_order(trace)
    assert np.all(np.diff(events.times_s) >= 0)
    times = np.where(events.creates, trace.created[events.instances], trace.deleted[events.instances])
    assert events.times_s.tolist() == times.tolist()
