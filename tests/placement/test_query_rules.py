"""What placement refuses of a query's groups taken together."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from engine.model.candidates import CandidateQuery
from engine.placement.query_rules import check_query
from tests.placement.builders import group, query

GOLD_OR_FAST = frozenset({frozenset({"GOLD", "FAST"})})


@pytest.mark.parametrize(
    "wanted",
    [
        query(group(VCPU=1)),
        query(group(VCPU=1), group("_1", VGPU=1), policy=""),
        query(group("_1", VGPU=1), group("_2", required="NUMA"), same_subtree=(("_1", "_2"),)),
        query(group(VCPU=1, any_of=GOLD_OR_FAST, forbidden="GOLD")),
    ],
)
def test_sound_queries_pass(wanted: CandidateQuery) -> None:
    check_query(wanted)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (query(), "no group asks for resources"),
        (query(group("_1", required="GOLD"), same_subtree=(("_1",),)), "no group asks for resources"),
        (query(group(VCPU=1), group(DISK_GB=1)), "each suffix"),
        (query(group(VCPU=1), group("_1", required="GOLD")), "'_1'"),
        (query(group(required="GOLD"), group("_1", VGPU=1)), "''"),
        (query(group(VCPU=1), same_subtree=(("",),)), "without a suffix"),
        (query(group(VCPU=1), same_subtree=(("_1",),)), "not there: '_1'"),
        (query(group("_1", VGPU=1), group("_2", VGPU=1), policy=""), "group_policy"),
        (query(group(VCPU=1), policy="both"), "'both' is none of"),
        (query(group(VCPU=1, required="GOLD", forbidden="GOLD FAST")), "requires traits that it forbids"),
        (query(group(VCPU=1, any_of=GOLD_OR_FAST, forbidden="GOLD FAST")), "requires traits that it forbids"),
        (query(group(VCPU=1), root_required=frozenset({"A"}), root_forbidden=frozenset({"A"})), "root_required"),
    ],
)
def test_what_placement_answers_400_to_is_refused_with_the_reason(wanted: CandidateQuery, why: str) -> None:
    with pytest.raises(InvalidRequestError, match=why):
        check_query(wanted)
