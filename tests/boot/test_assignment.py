"""Assignments in an instance's record come back as they were put there."""

from __future__ import annotations

import json

from engine.boot.assignment import assignment_of, with_assignment
from engine.v1.assignment_pb2 import Assignment, CpuPin, FittedCell, ProviderAmounts
from engine.v1.numa_pb2 import GuestCell

GIVEN = Assignment(
    cells=[
        FittedCell(
            cell=GuestCell(dedicated_cpus=[0], memory_mb=2**40, page_size_kb=4),
            host_cell=3,
            pinning=[CpuPin(vcpu=0, host_cpu=9)],
        )
    ],
    amounts=[ProviderAmounts(provider_uuid="p", resources={"PCPU": 1})],
)


def test_an_assignment_survives_the_database() -> None:
    kept = json.loads(json.dumps(with_assignment({"hints": {}}, GIVEN)))
    assert assignment_of(kept) == GIVEN
    assert kept["hints"] == {}


def test_plain_amounts_leave_nothing_of_an_earlier_assignment() -> None:
    assert with_assignment(with_assignment({"group": "g"}, GIVEN), None) == {"group": "g"}
    assert assignment_of({}) is None


def test_what_a_later_version_wrote_beside_is_passed_over() -> None:
    kept = with_assignment({}, GIVEN)
    kept["assignment"]["of_tomorrow"] = 1
    assert assignment_of(kept) == GIVEN
