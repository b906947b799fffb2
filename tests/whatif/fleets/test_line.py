"""The one line that says a fleet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.whatif.fleets.line import FleetLine, HostKind, checked_line, parse_line


@pytest.mark.parametrize(
    ("text", "fleet"),
    [
        (
            "1000 hosts of 64c 256g 2000d in 3 zones, racks of 40",
            FleetLine((HostKind(1000, 64, 262_144, 2000),), ("az1", "az2", "az3"), 40),
        ),
        ("5 64c 1000m", FleetLine((HostKind(5, 64, 1000),))),
        ("host of 1c 1g", FleetLine((HostKind(1, 1, 1024),))),
        (
            "600 of 64c 256g cpu x4 ram x1.5 + "
            "400 hosts of 96c,512g disk x2 reserved 2c 8g numa 2 racks of 10 in zone eu-1",
            FleetLine(
                (
                    HostKind(600, 64, 262_144, cpu_ratio=4, ram_ratio=1.5),
                    HostKind(400, 96, 524_288, disk_ratio=2, reserved_vcpus=2, reserved_memory_mb=8192, numa_cells=2),
                ),
                ("eu-1",),
                10,
            ),
        ),
    ],
)
def test_a_line_says_a_fleet(text: str, fleet: FleetLine) -> None:
    assert parse_line(text) == fleet
    assert checked_line(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "an empty line must say how many hosts there are"),
        ("hosts of 64c 256g", "'hosts' (character 1) must say how many hosts"),
        ("0 hosts of 1c 1g", "'0' (character 1) must be between 1 and 4000000"),
        ("99999999999999 of 1c 1g", "'99999999999999' (character 1) must say how many"),
        ("4000000 of 1c 1g + 1 of 1c 1g", "says 4000001 hosts, at most 4000000"),
        ("1000 hots of 64c 256g", "'hots' (character 6) is not understood: did you mean 'hosts'?"),
        ("10 hosts of 64c", "'64c' (character 13) must be hardware threads and memory, such as 64c 256g"),
        ("10 hosts of", "what comes after the end must be hardware threads and memory"),
        ("10 hosts of 64c 256g 32c", "'32c' (character 22) says a size a second time"),
        ("10 hosts of 64c 256g 5m", "'5m' (character 22) says a size a second time"),
        ("10 hosts of 64c 256gb", "must be hardware threads and memory"),
        ("10 hosts of 0c 256g", "is a host of no hardware threads or no memory"),
        ("10 hosts of 2000000c 256g", "'2000000c' (character 13) is too much: at most 1000000c"),
        ("10 hosts of 64c 256g cpu 4", "'4' (character 26) must be an allocation ratio, such as cpu x1.5"),
        ("10 hosts of 64c 256g cpu x0", "must be an allocation ratio"),
        ("10 hosts of 64c 256g cpu", "what comes after the end must be an allocation ratio"),
        ("10 hosts of 64c 256g ram x100000", "sells more than 2000000000 MiB of memory at a ratio of 100000"),
        ("10 hosts of 64c 256g reserved", "what comes after the end must be what is reserved"),
        ("10 hosts of 64c 256g reserved 65c", "has 64 hardware threads, fewer than the 65 that are reserved"),
        ("10 hosts of 64c 256g numa 3", "'3' (character 27) NUMA cells do not divide 64 hardware threads"),
        ("10 hosts of 8192c 256g numa 2", "NUMA cells are of hosts with at most 4096 hardware threads"),
        ("10 hosts of 64c 256g numa 0", "'0' (character 27) must be between 1 and 64"),
        ("10 hosts of 64c 256g in", "what comes after the end must say how many zones there are"),
        ("10 hosts of 64c 256g in 3", "what comes after the end must be 'zones'"),
        ("10 hosts of 64c 256g in zone", "what comes after the end must be the zone's name"),
        ("10 hosts of 64c 256g in zone a/b", "'a/b' (character 30) must be the zone's name"),
        ("10 hosts of 64c 256g in 3 zones in 2 zones", "'in' (character 33) is not understood here"),
        ("10 hosts of 64c 256g racks 40", "'40' (character 28) must be 'of'"),
        ("10 hosts of 64c 256g rcks of 40", "did you mean 'racks'?"),
        ("10 hosts of 64c 256g +", "what comes after the end must say how many hosts"),
        ("+".join(["1 of 1c 1g"] * 101), "is one kind of hosts too many"),
        ("1 of 1c 1g " + " " * 3000, "has 3011 characters, at most 2000"),
        ("10 hosts of ٣c 256g", "must be hardware threads and memory"),
    ],
)
def test_a_line_that_says_no_fleet_is_told_where(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"^") as caught:
        parse_line(text)
    assert told in str(caught.value)


_WORDS = [
    "10",
    "hosts",
    "of",
    "64c",
    "256g",
    "2000d",
    "in",
    "3",
    "zones",
    "zone",
    "racks",
    "+",
    "numa",
    "2",
    "cpu",
    "x2",
]


@given(st.lists(st.sampled_from([*_WORDS, "reserved", "", "9" * 30, "-1", "x", ","]), max_size=14).map(" ".join))
def test_any_words_are_a_fleet_or_an_error_with_a_place(text: str) -> None:
    try:
        fleet = parse_line(text)
    except ValueError as error:
        assert "character" in str(error) or "end" in str(error) or "empty" in str(error) or "says" in str(error)
    else:
        assert fleet.count >= 1
