"""Synthetic fleets: the tables that lines make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.inventory.fleet_file import normalise_fleet
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.inventory.table import HostTable
from engine.whatif.fleets.synthetic import synthetic_fleet


def test_hosts_go_round_the_zones_and_racks_stay_in_one() -> None:
    fleet = synthetic_fleet("12 hosts of 64c 256g 2000d in 2 zones, racks of 3")
    assert fleet["host_id"].to_pylist()[:3] == ["h-000001", "h-000002", "h-000003"]
    assert fleet["availability_zone"].to_pylist() == ["az1", "az2"] * 6
    racks = [names[0] for names in fleet["aggregates"].to_pylist()]
    assert racks == ["rack-0001", "rack-0002"] * 3 + ["rack-0003", "rack-0004"] * 3


def test_a_table_of_the_fleet_has_what_the_line_says() -> None:
    table = HostTable()
    table.upsert(synthetic_fleet("2 of 64c 256g 100d cpu x2 ram x1.5 reserved 4c 6g 10d + 1 of 8c 1000m numa 2"))
    columns = table.columns
    assert columns["vcpu_free"][:3].tolist() == [120, 120, 32]
    assert columns["memory_mb_free"][:3].tolist() == [(262_144 - 6144) * 3 // 2] * 2 + [1000]
    assert columns["disk_gb_free"][:3].tolist() == [90, 90, 0]
    assert table.numa(0) is None
    numa = table.numa(2)
    assert numa is not None
    assert [(sorted(cell.cpus), cell.memory_mb, cell.pinnable_cpus) for cell in numa.cells] == [
        ([0, 1, 2, 3], 500, frozenset()),
        ([4, 5, 6, 7], 500, frozenset()),
    ]
    assert numa.cells[0].pages[0].total == 500 * 256


def test_kinds_come_one_after_the_other_unless_a_count_is_told() -> None:
    line = "2 of 1c 1g + 4 of 2c 1g"
    assert synthetic_fleet(line)["vcpus"].to_pylist() == [1, 1, 2, 2, 2, 2]
    assert synthetic_fleet(line, 6)["vcpus"].to_pylist() == [2, 1, 2, 2, 1, 2]


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.integers(1, 60),
    st.integers(0, 60),
    st.sampled_from(["", " in 3 zones", " in 2 zones racks of 4"]),
)
def test_a_smaller_fleet_is_the_beginning_of_a_larger_one_of_the_same_proportions(
    counts: list[int], many: int, more: int, rest: str
) -> None:
    line = " + ".join(f"{count} of {kind + 1}c 1g" for kind, count in enumerate(counts)) + rest
    small, large = synthetic_fleet(line, many), synthetic_fleet(line, many + more)
    assert large.slice(0, many).equals(small)
    of_kind = np.bincount(np.array(small["vcpus"].to_pylist()) - 1, minlength=len(counts))
    assert (abs(of_kind - many * np.array(counts) / sum(counts)) <= len(counts)).all()


@given(
    st.sampled_from(["7 of 1c 1g", "7 of 4c 4g 9d numa 2 in 3 zones, racks of 2", "3 of 1c 1g in zone x + 4 of 2c 2g"])
)
def test_the_table_is_as_if_read_from_a_file(line: str) -> None:
    if "+" in line:
        with pytest.raises(InvalidRequestError, match=r"'\+' \(character"):
            synthetic_fleet(line)
        return
    fleet = synthetic_fleet(line)
    assert fleet.schema == FLEET_SCHEMA
    assert normalise_fleet(fleet, source="the fleet").equals(fleet)


def test_names_sort_as_they_come_however_many_there_are() -> None:
    fleet = synthetic_fleet("3 of 1c 1g racks of 1", prefix="new", first=9_999_999, rack_prefix="r")
    assert fleet["host_id"].to_pylist() == ["new-09999999", "new-10000000", "new-10000001"]
    assert fleet["aggregates"].to_pylist() == [["r-0001"], ["r-0002"], ["r-0003"]]


@pytest.mark.parametrize("count", [0, -1, 4_000_001, 1.5, True])
def test_a_wrong_count_is_refused(count: int) -> None:
    with pytest.raises(InvalidRequestError, match="the number of hosts"):
        synthetic_fleet("1 of 1c 1g", count)


def test_a_wrong_line_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"the line '1 of' says no fleet: what comes after the end"):
        synthetic_fleet("1 of")
