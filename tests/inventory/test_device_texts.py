"""Texts of devices: what is written is read back, and what contradicts itself is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inventory.device_records import MAX_CELLS
from engine.inventory.device_texts import numa_of, numa_text, pools_of, pools_text, tree_of, tree_text
from engine.model.candidates import Provider
from engine.model.numa import HostCell, HostNuma, HostPages
from engine.model.pci import PciPool
from engine.model.resources import ResourceInventory
from tests.devices import cell, child, inventory, pool

AMOUNTS = st.integers(0, 1_000_000)
CPUS = st.frozensets(st.integers(0, 15), max_size=8)


@st.composite
def cells(draw: st.DrawFn, number: int = 0) -> HostCell:
    shared = frozenset(cpu + 16 * number for cpu in draw(CPUS))
    dedicated = frozenset(cpu + 16 * number for cpu in draw(CPUS))
    both = sorted(shared | dedicated)
    return HostCell(
        cell_id=number,
        cpus=shared,
        pinnable_cpus=dedicated,
        memory_mb=draw(AMOUNTS),
        cpu_usage=draw(AMOUNTS),
        memory_usage_mb=draw(AMOUNTS),
        pinned_cpus=frozenset(both[: draw(st.integers(0, len(both)))]),
        siblings=tuple(frozenset([cpu]) for cpu in both),
        pages=tuple(HostPages(size, draw(AMOUNTS), draw(AMOUNTS), draw(AMOUNTS)) for size in (4, 2048)),
        socket=draw(st.none() | st.integers(0, 3)),
        physnets=draw(st.frozensets(st.sampled_from("abc"))),
        tunneled=draw(st.booleans()),
    )


@given(cells(), cells(number=1))
def test_numa_cells_are_read_back_as_written(one: HostCell, other: HostCell) -> None:
    topology = HostNuma((one, other))
    assert numa_of(numa_text(topology)) == topology
    assert numa_text(numa_of(numa_text(topology))) == numa_text(topology)


@given(
    st.lists(
        st.builds(
            PciPool,
            st.text(max_size=4),
            st.text(max_size=4),
            st.none() | st.integers(0, 7),
            AMOUNTS,
            st.dictionaries(st.text(min_size=1, max_size=5), st.none() | st.text(max_size=5), max_size=3).map(
                lambda tags: tuple(sorted(tags.items()))
            ),
        ),
        max_size=4,
    )
)
def test_pools_are_read_back_as_written(pools: list[PciPool]) -> None:
    assert pools_of(pools_text(pools)) == tuple(pools)


def test_a_tree_is_read_back_as_written() -> None:
    extra = {"PCPU": ResourceInventory(8, 1, 1.5, 2, None, 2)}
    children = (child("a", {"VGPU": 4}, traits=("CUSTOM_A",), used=1), child("b", {}, parent="a"))
    assert tree_of(tree_text(extra, children)) == (extra, children)


def test_nothing_has_an_empty_text_but_no_pools_have_one() -> None:
    assert (numa_text(None), pools_text(None), tree_text({}, ())) == ("", "", "")
    assert (numa_of(""), pools_of(""), tree_of("")) == (None, None, ({}, ()))
    assert pools_of(pools_text(())) == ()
    assert pools_text(()) != ""


def test_the_texts_are_in_novas_form() -> None:
    record = json.loads(numa_text(HostNuma((cell(0, 2, 10, pinned=1),))))["cells"][0]
    assert set(record) == {
        "id", "cpuset", "pcpuset", "memory", "cpu_usage", "memory_usage",
        "pinned_cpus", "siblings", "mempages", "socket", "network_metadata",
    }  # fmt: skip
    assert record["mempages"] == [{"size_kb": 4, "total": 2560, "used": 0, "reserved": 0}]
    (found,) = json.loads(pools_text([pool(3, 1)]))
    assert found == {
        "vendor_id": "10de", "product_id": "20b5", "numa_node": 1, "count": 3, "tags": {"dev_type": "type-PCI"},
    }  # fmt: skip


def with_cells(*cells: dict[str, object]) -> str:
    return json.dumps({"cells": [{"id": 0, "cpuset": [0], "memory": 1, **item} for item in cells]})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense", "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "cells"),
        ("[" * 100_000, "cannot be read"),
        (with_cells({}, {}), "names a cell twice"),
        (with_cells({}, {"id": 1}), "CPU 0 in two cells"),
        (with_cells({"pinned_cpus": [5]}), "pins CPU 5"),
        (with_cells({"mempages": [{"size_kb": 4, "total": 1}] * 2}), "page size of cell 0 twice"),
        (with_cells({"mempages": [{"size_kb": 0, "total": 1}]}), "size_kb"),
        (with_cells({"memory": -1}), "memory"),
        (with_cells({"memory": 10**30}), "cannot be read"),
        (with_cells({"memory": "1"}), "memory"),
        (with_cells({"cpuset": [0.5]}), "cpuset"),
        (with_cells(*({"id": number, "cpuset": []} for number in range(MAX_CELLS + 1))), "cells"),
        (with_cells({"cpuset": list(range(5000))}), "5000 CPUs"),
    ],
)
def test_cells_that_contradict_themselves_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        numa_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '[{"vendor_id": 1, "product_id": "1", "count": 1}]',
        '[{"vendor_id": "1", "product_id": "1"}]',
        '[{"vendor_id": "1", "product_id": "1", "count": 1, "numa_node": -1}]',
        '[{"vendor_id": "1", "product_id": "1", "count": 1, "tags": {"a": 1}}]',
        json.dumps([{"vendor_id": "1", "product_id": "1", "count": 2_000_000_000}] * 2),
    ],
)
def test_pools_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|at most"):
        pools_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"providers": [{}]}',
        '{"providers": [{"uuid": "a", "traits": ["lower case"]}]}',
        '{"providers": [{"uuid": "a", "inventories": {"VGPU": {"total": -1}}}]}',
        '{"providers": [{"uuid": "a", "inventories": {"VGPU": {"total": 1, "allocation_ratio": 0}}}]}',
        json.dumps({"inventories": {"A" * 256: {"total": 1}}}),
        json.dumps({"providers": [{"uuid": str(number)} for number in range(1025)]}),
    ],
)
def test_providers_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        tree_of(text)


def test_usage_of_nothing_is_left_out() -> None:
    assert (
        tree_of(tree_text({}, [Provider("a", used=(("VGPU", 0),), inventories=(("VGPU", inventory(1)),))]))[1][0].used
        == ()
    )
