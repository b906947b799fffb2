"""Devices and networks as conditions on sets of host cells: bounds never rule out a set that suits."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fitting.host_cell_sets import HostCellSets, bits
from engine.model.numa import HostNuma, NetworkNeeds
from engine.model.pci import NUMA_POLICIES, PciPool, PciRequest
from tests.fitting.numa_cases import host_cell, host_of, hosts


@st.composite
def conditions(draw: st.DrawFn) -> tuple[HostNuma, HostCellSets]:
    host = draw(hosts())
    nodes = st.sampled_from((None, 0, 1, 2, 3))
    tags = st.sampled_from(((), (("dev_type", "type-PF"),), (("dev_type", "type-VF"),)))
    pools = draw(st.lists(st.builds(PciPool, st.just("8086"), st.sampled_from("12"), nodes, st.integers(0, 3), tags)))
    specs = st.sampled_from(
        ((("vendor_id", "8086"),), (("product_id", "1"),), (("dev_type", "type-PF"), ("product_id", "2")))
    )
    requests = draw(
        st.lists(
            st.builds(
                PciRequest, st.integers(1, 3), st.tuples(specs), st.sampled_from(NUMA_POLICIES), st.sampled_from("rs")
            ),
            max_size=3,
        )
    )
    networks = draw(
        st.none() | st.builds(NetworkNeeds, st.frozensets(st.sampled_from(("left", "right"))), st.booleans())
    )
    return host, HostCellSets(host, host.cells, networks, requests, pools, None)


@settings(max_examples=150)
@given(drawn=conditions(), data=st.data())
def test_what_may_not_suit_has_no_set_that_suits(drawn: tuple[HostNuma, HostCellSets], data: st.DataObject) -> None:
    host, sets = drawn
    every = (1 << len(host.cells)) - 1
    chosen = data.draw(st.integers(0, every))
    more = data.draw(st.integers(0, every)) & ~chosen
    count = data.draw(st.integers(0, more.bit_count()))
    if not sets.may_suit(chosen, more, count):
        for added in combinations(bits(more), count):
            mask = chosen | sum(1 << number for number in added)
            assert not mask or not HostCellSets.suits(sets, mask)


@settings(max_examples=150)
@given(drawn=conditions())
def test_cells_of_a_class_stand_for_each_other(drawn: tuple[HostNuma, HostCellSets]) -> None:
    host, sets = drawn
    classes = sets.classes()
    numbers = range(len(host.cells))
    for one, other in combinations(numbers, 2):
        if classes[one] != classes[other]:
            continue
        for rest in range(1 << len(host.cells)):
            if not rest >> one & 1 and not rest >> other & 1:
                assert sets.suits(rest | 1 << one) == sets.suits(rest | 1 << other)


def test_without_wishes_any_set_suits() -> None:
    host = host_of(host_cell(0), host_cell(1))
    sets = HostCellSets(host, host.cells, NetworkNeeds(frozenset({"nowhere"}), tunneled=True), (), (), None)
    assert sets.free
    assert sets.suits(1)
    assert sets.may_suit(0, 0, 0)


def test_bits_come_lowest_first() -> None:
    assert list(bits(0b101100)) == [2, 3, 5]
