"""The cheap conditions never rule out a host that fits, and do rule out those that are plainly too full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fitting.errors import FittingFault
from engine.fitting.numa_fit import fit
from engine.fitting.numa_needs import ROOM_WIDTH, may_fit, needs, room
from engine.model.numa import LARGE_PAGES, GuestNuma, HostNuma, HostPages
from tests.fitting.numa_cases import guest_of, guests, host_cell, host_of, hosts


def may(host: HostNuma | None, guest: GuestNuma, *, quirks: bool = False) -> bool:
    rooms = np.array([room(host, quirks=quirks)], dtype=np.int64)
    return bool(may_fit(rooms, needs(guest, quirks=quirks))[0])


@given(host=hosts(), guest=guests(), quirks=st.booleans())
def test_a_host_that_is_ruled_out_does_not_fit(host: HostNuma, guest: GuestNuma, quirks: bool) -> None:
    if not may(host, guest, quirks=quirks):
        assert fit(host, guest, quirks=quirks) is None


@given(host=hosts(), guest=guests())
def test_a_host_on_which_nova_breaks_down_is_not_ruled_out(host: HostNuma, guest: GuestNuma) -> None:
    try:
        fit(host, guest, quirks=True)
    except FittingFault:
        assert may(host, guest, quirks=True)


@pytest.mark.parametrize(
    "guest",
    [
        guest_of((1, 1), (1, 1), (1, 1)),
        guest_of((9, 1)),
        guest_of((8, 1), (8, 1)),
        guest_of((1, 5000)),
        guest_of((9, 1), policy=None),
        guest_of((1, 5000), policy="shared"),
        guest_of((1, 64), page_size_kb=LARGE_PAGES),
        guest_of((1, 64), page_size_kb=2048),
        guest_of((1, 1), threads="require"),
    ],
    ids=str,
)
def test_plainly_too_full_hosts_are_ruled_out(guest: GuestNuma) -> None:
    first = host_cell(0, cores=8, threads=1)
    host = host_of(first, replace(host_cell(1, cores=8, threads=1), pinned_cpus=frozenset({100})))
    assert not may(host, guest)
    assert may(host, guest_of((8, 2048), (7, 2048)))


def test_a_host_without_numa_has_no_cells() -> None:
    assert len(room(None)) == len(needs(guest_of((1, 1)))) == ROOM_WIDTH
    assert not may(None, guest_of((1, 1)))


def test_each_host_is_judged_by_itself() -> None:
    rooms = np.array([room(host_of(host_cell(0, cores=cores))) for cores in range(1, 6)], dtype=np.int64)
    assert may_fit(rooms, needs(guest_of((6, 1)))).tolist() == [False, False, True, True, True]


def test_the_memory_is_that_of_the_cell_that_has_most_of_it() -> None:
    pages = (HostPages(2048, 100, used=50), HostPages(1048576, 4, used=3))
    host = host_of(host_cell(0, pages=pages), host_cell(1, pages=pages[:1]))
    assert may(host, guest_of((1, 100), (1, 100), page_size_kb=2048))
    assert not may(host, guest_of((1, 102), page_size_kb=2048))
    assert not may(host, guest_of((1, 1024), (1, 1024), page_size_kb=1048576))
    assert may(host, guest_of((1, 1024), page_size_kb=1048576))


def test_huge_and_negative_numbers_are_kept_in_range() -> None:
    cell = host_cell(0, memory_mb=10**12, memory_usage_mb=10**40, cpu_usage=-(10**30))
    values = np.array([room(host_of(cell))], dtype=np.int64)
    assert values.shape == (1, ROOM_WIDTH)
    assert not may_fit(values, needs(guest_of((1, 10**40), policy="shared")))[0]
    assert may_fit(values, needs(guest_of((1, -5), policy="shared")))[0]
