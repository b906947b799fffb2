"""NUMA cells between messages and the model; what is refused is listed with the bad hosts and requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.inventory.device_texts import numa_of, numa_text
from engine.model.numa import ANY_PAGES, LARGE_PAGES, SMALL_PAGES, GuestCell, HostCell, HostNuma, HostPages
from engine.service.numa_messages import guest_cell_message, guest_numa_from, host_numa_from, host_numa_message
from engine.v1 import numa_pb2

AMOUNT = st.integers(0, 10**6)
NAMES = st.frozensets(st.text(min_size=1, max_size=8), max_size=2)


@st.composite
def host_cells(draw: st.DrawFn, number: int) -> HostCell:
    cpus = draw(st.frozensets(st.integers(100 * number, 100 * number + 9), max_size=8))
    pinnable = draw(st.frozensets(st.sampled_from(sorted(cpus)), max_size=8)) if cpus else frozenset()
    pinned = draw(st.frozensets(st.sampled_from(sorted(pinnable)), max_size=8)) if pinnable else frozenset()
    listed = sorted(cpus)
    sizes = draw(st.lists(st.sampled_from([4, 2048, 1048576]), unique=True, max_size=3))
    return HostCell(
        cell_id=number,
        cpus=cpus,
        pinnable_cpus=pinnable,
        memory_mb=draw(AMOUNT),
        cpu_usage=draw(AMOUNT),
        memory_usage_mb=draw(AMOUNT),
        pinned_cpus=pinned,
        siblings=tuple(frozenset(listed[place : place + 2]) for place in range(0, len(listed), 2)),
        pages=tuple(HostPages(size, draw(AMOUNT), draw(AMOUNT), draw(AMOUNT)) for size in sizes),
        socket=draw(st.none() | st.integers(0, 3)),
        physnets=draw(NAMES),
        tunneled=draw(st.booleans()),
    )


@st.composite
def hosts(draw: st.DrawFn) -> HostNuma:
    many = draw(st.integers(1, 3))
    return HostNuma(tuple(draw(host_cells(number)) for number in draw(st.permutations(range(many)))))


@given(hosts())
def test_a_hosts_cells_are_the_same_after_message_and_text(numa):
    assert host_numa_from(host_numa_message(numa)) == numa
    assert numa_of(numa_text(host_numa_from(host_numa_message(numa)))) == numa


@given(
    st.frozensets(st.integers(0, 9)),
    st.frozensets(st.integers(10, 19)),
    st.sampled_from([None, SMALL_PAGES, LARGE_PAGES, ANY_PAGES, 4, 2048]),
    st.sampled_from([None, "shared", "dedicated", "mixed"]),
    st.sampled_from([None, "prefer", "isolate", "require"]),
    st.sampled_from([None, "isolate", "share"]),
)
def test_what_a_guest_asks_for_is_the_same_after_its_message(cpus, dedicated, pages, policy, threads, emulator):
    cell = GuestCell(3, cpus, dedicated, 512, pages, policy, threads)
    message = numa_pb2.NumaTopologyRequest(cells=[guest_cell_message(cell)], emulator_threads_policy=emulator or "")
    numa = guest_numa_from(message)
    assert numa is not None
    assert (numa.cells, numa.emulator_threads_policy) == ((cell,), emulator)


def test_no_cells_are_no_numa():
    assert host_numa_from(numa_pb2.NumaTopology()) is None
    assert guest_numa_from(numa_pb2.NumaTopologyRequest()) is None


@given(st.binary(max_size=60))
def test_whatever_bytes_come_as_cells_are_taken_or_refused_by_name(data):
    for kind, read in ((numa_pb2.NumaTopology, host_numa_from), (numa_pb2.NumaTopologyRequest, guest_numa_from)):
        message = kind()
        try:
            message.ParseFromString(data)
        except Exception:
            continue
        try:
            read(message)
        except InvalidRequestError as error:
            assert error.message


def test_the_refusal_says_which_cell_and_cpu():
    cells = [numa_pb2.HostCell(cell_id=2, cpus=[5]), numa_pb2.HostCell(cell_id=7, cpus=[5])]
    with pytest.raises(InvalidRequestError, match="CPU 5 is in the NUMA cells 2 and 7"):
        host_numa_from(numa_pb2.NumaTopology(cells=cells))
