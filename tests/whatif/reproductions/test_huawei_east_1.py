"""NUMA hosts under three chains decide as a simple replay does, instance for instance."""

from __future__ import annotations

import numpy as np
import pytest

from engine.whatif.workloads.trace_table import read_trace_table
from tests.whatif.reproductions.huawei_east_1 import MULTIPLIERS, TRACE, compare, machines, scenario_of
from tests.whatif.reproductions.plain_numa import Machine, PlainHost, events, plain_replay
from tests.whatif.reproductions.shared_data import needs

FIRST = 1000


@needs("huawei-east-1")
@pytest.mark.parametrize("chain", sorted(MULTIPLIERS))
def test_the_first_instances_go_where_a_plain_replay_puts_them(chain: str) -> None:
    trace = scenario_of(chain, FIRST).workload.trace
    assert trace is not None
    table, plain = read_trace_table(TRACE, trace), machines(FIRST)
    refused = []
    for hosts in (6, 9):
        found = compare(chain, hosts, table, plain, FIRST)
        assert len(found.rows) == FIRST
        assert np.array_equal(found.rows, found.plain)
        refused.append(found.refused)
    assert refused[0] > refused[1] > 0


def test_the_plain_replay_chooses_cells_as_nova_orders_them() -> None:
    host = PlainHost([2, 2], [4096, 1024])
    small, split = Machine(0, 0, None, 1, 512, 1), Machine(1, 0, None, 4, 1024, 2)
    # as many vCPUs are in use: the cell with more memory free
    assert host.cells_for(small) == (1,)
    host.take(split, (0, 1))
    assert (host.vcpus, host.memory_mb) == ([4, 4], [4608, 1536])
    host.take(small, (1,))
    assert host.cells_for(small) == (0,)
    host.take(Machine(2, 0, None, 35, 512, 1), (1,))
    assert host.cells_for(Machine(3, 0, None, 2, 512, 2)) is None


def test_the_plain_replay_gives_back_before_it_takes_and_after_what_lives_for_no_time() -> None:
    whole = {"vcpus": 80, "memory_mb": 1024, "cells": 2}
    run = [Machine(0, 0, 5, **whole), Machine(1, 5, 5, **whole), Machine(2, 5, None, **whole)]
    order = [(kind, item.number) for kind, item in events(run)]
    assert order == [(True, 0), (False, 0), (True, 1), (False, 1), (True, 2)]
    assert plain_replay(run, 1, 1.0) == {0: 0, 1: 0, 2: 0}
    assert plain_replay([run[0], Machine(1, 4, None, **whole)], 1, 0.0) == {0: 0, 1: -1}
