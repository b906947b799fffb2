"""Assignments in the ledger and on the wire: nothing of them is lost, and what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import LedgerCorruptError
from engine.model.assignment import Assignment
from engine.model.candidates import Candidate
from engine.model.numa import GuestCell, GuestNuma
from engine.model.pci import PciPool, PciTaken
from engine.service.assignments import assignment_message, assignments_record, decoded, encoded, total_resources

CPUS = st.frozensets(st.integers(0, 4095), max_size=6)
TEXT = st.text(max_size=5)
CELLS = st.builds(
    GuestCell,
    st.integers(0, 63),
    CPUS,
    CPUS,
    st.integers(0, 10**9),
    st.none() | st.integers(-3, 2**20),
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | st.integers(0, 63),
    st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 4095)), max_size=4).map(tuple),
    CPUS,
)
TAKEN = st.builds(
    PciTaken,
    st.builds(
        PciPool,
        TEXT,
        TEXT,
        st.none() | st.integers(0, 9),
        st.just(0),
        st.lists(st.tuples(TEXT, st.none() | TEXT), max_size=2).map(tuple),
    ),
    st.integers(1, 9),
    TEXT,
)
AMOUNTS = st.lists(st.tuples(TEXT, st.integers(1, 2**31)), max_size=3).map(tuple)
CANDIDATES = st.builds(
    Candidate,
    st.lists(st.tuples(TEXT, AMOUNTS), max_size=3).map(tuple),
    st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=2).map(tuple)), max_size=2).map(tuple),
)
ASSIGNMENTS = st.builds(
    Assignment,
    st.none() | st.builds(GuestNuma, st.lists(CELLS, max_size=3).map(tuple), st.none() | TEXT),
    st.lists(TAKEN, max_size=2).map(tuple),
    st.none() | CANDIDATES,
)


@given(ASSIGNMENTS)
def test_the_ledger_gives_back_what_it_was_given(assignment):
    assert decoded(encoded(assignment)) == assignment


@given(ASSIGNMENTS)
def test_every_assignment_has_a_message_that_says_all_of_it(assignment):
    message = assignment_message(assignment)
    cells = assignment.numa.cells if assignment.numa else ()
    assert [[(pin.vcpu, pin.host_cpu) for pin in cell.pinning] for cell in message.cells] == [
        list(cell.pinning) for cell in cells
    ]
    assert [item.count for item in message.pci_devices] == [item.count for item in assignment.pci]
    allocations = assignment.candidate.allocations if assignment.candidate else ()
    assert [item.provider_uuid for item in message.amounts] == [uuid for uuid, _ in allocations]
    assert sum(total_resources(assignment).values()) == sum(amount for _, taken in allocations for _, amount in taken)


@given(st.binary(max_size=40))
def test_bytes_that_are_no_assignment_are_a_damaged_ledger(data):
    try:
        assert isinstance(decoded(data), Assignment)
    except LedgerCorruptError as error:
        assert "cannot be read" in error.message


@pytest.mark.parametrize(
    "change", [{"numa": 5}, {"pci": [1]}, {"candidate": {"allocations": [["u", [["VCPU", "x"]]]]}}]
)
def test_an_assignment_of_other_types_is_refused(change):
    import msgspec

    with pytest.raises(LedgerCorruptError):
        decoded(msgspec.msgpack.encode(change))


def test_nobody_with_an_assignment_needs_no_record():
    assert assignments_record([]) is None
    record = assignments_record([(bytes(16), Assignment())])
    assert record is not None
    assert decoded(record.payloads[0]) == Assignment()
