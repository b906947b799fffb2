"""Which host CPUs dedicated vCPUs get; the orders of CPUs are those nova 34 gives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fitting.cpu_packing import can_pack, pack
from engine.model.numa import HostCell
from tests.fitting.numa_cases import THREAD_POLICIES, host_cell, host_cells

CELL = host_cell(0, cores=4, threads=2)
"""Cores 0/4, 1/5, 2/6 and 3/7."""


def test_whole_cores_go_first() -> None:
    assert pack(CELL, 4, None) == ((0, 4, 1, 5), frozenset())
    assert pack(replace(CELL, pinned_cpus=frozenset({0, 1})), 4, "prefer") == ((2, 6, 3, 7), frozenset())


def test_an_odd_vcpu_takes_one_thread() -> None:
    assert pack(CELL, 3, "require") == ((0, 4, 1), frozenset())


def test_single_threads_serve_where_whole_cores_do_not_suffice() -> None:
    ragged = replace(CELL, pinned_cpus=frozenset({0, 1, 2}))
    assert pack(ragged, 4, None) == ((4, 5, 6, 3), frozenset())
    assert pack(ragged, 5, None) == ((4, 5, 6, 3, 7), frozenset())
    assert pack(ragged, 2, "require") == ((3, 7), frozenset())
    assert pack(ragged, 3, "require") is None


def test_isolation_takes_one_thread_of_each_free_core_of_a_host_that_shares_its_pinnable_cpus() -> None:
    assert pack(CELL, 3, "isolate") == ((0, 1, 2), frozenset())
    assert pack(CELL, 5, "isolate") is None
    assert pack(replace(CELL, pinned_cpus=frozenset({0})), 4, "isolate") is None
    assert pack(replace(CELL, cpus=frozenset()), 1, "isolate") is None
    assert pack(host_cell(0, threads=1, cpus=frozenset()), 2, "isolate") == ((0, 1), frozenset())


def test_threads_are_required_of_the_host() -> None:
    assert pack(host_cell(0, threads=1), 1, "require") is None


def test_emulator_threads_get_a_cpu_that_no_vcpu_has() -> None:
    assert pack(CELL, 3, None, 1) == ((0, 4, 1), frozenset({5}))
    assert pack(CELL, 8, None, 1) is None
    assert pack(CELL, 3, "isolate", 1) == ((0, 1, 2), frozenset({3}))
    assert pack(CELL, 4, "isolate", 1) is None
    assert pack(CELL, 0, None, 1) is None


@pytest.mark.parametrize(("threads", "fits"), [(None, True), ("prefer", True), ("require", True), ("isolate", False)])
def test_no_vcpu_at_all_fits_without_cpus(threads: str | None, fits: bool) -> None:
    assert pack(CELL, 0, threads) == (((), frozenset()) if fits else None)


def test_threads_of_a_core_come_in_the_order_of_nova_s_sets() -> None:
    core = replace(CELL, siblings=(frozenset({5, 13}),), pinnable_cpus=frozenset({5, 13, 6}))
    assert pack(core, 2, None) == ((13, 5), frozenset())


def test_a_cell_without_sibling_sets_has_no_cores() -> None:
    assert pack(replace(CELL, siblings=()), 1, None) is None


@given(
    cell=host_cells(0),
    count=st.integers(0, 17),
    threads=st.sampled_from(THREAD_POLICIES),
    reserved=st.integers(0, 1),
)
def test_cpus_are_free_distinct_and_as_many_as_asked_for(
    cell: HostCell, count: int, threads: str | None, reserved: int
) -> None:
    found = pack(cell, count, threads, reserved)
    assert (found is not None) == can_pack(cell, count, threads, reserved)
    if found is None:
        return
    pinned, kept = found
    assert len(pinned) == len(set(pinned)) == count
    assert len(kept) == reserved
    assert kept.isdisjoint(pinned)
    assert kept.union(pinned) <= cell.free_pinnable_cpus
    if threads == "isolate":
        assert all(len(siblings & set(pinned)) <= 1 for siblings in cell.siblings)


@given(cell=host_cells(0), count=st.integers(1, 17))
def test_without_a_thread_policy_free_cpus_on_cores_are_all_that_counts(cell: HostCell, count: int) -> None:
    free = cell.free_pinnable_cpus & frozenset().union(*cell.siblings)
    assert (pack(cell, count, None) is not None) == (count <= len(free))
