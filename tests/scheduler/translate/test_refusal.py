"""Queries that placement refuses outright."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.inventory.table import HostTable
from engine.model.candidates import SHARES, CandidateQuery, Provider, RequestGroup
from engine.model.resources import ResourceInventory
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate.refusal import refusal
from tests.scheduler.translate.asking import fleet

WHOLE = RequestGroup(resources=(("VCPU", 1),))
PORT = RequestGroup("a", (("VGPU", 1),))
OPTIONS = SchedulerOptions()
QUIRKS = SchedulerOptions(nova_quirks=True)


def traits(required: set[str], forbidden: set[str], *any_of: set[str]) -> RequestGroup:
    sets = frozenset(frozenset(names) for names in any_of)
    return replace(WHOLE, required=frozenset(required), forbidden=frozenset(forbidden), any_of=sets)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (CandidateQuery((WHOLE,)), ""),
        (CandidateQuery(()), "no group asks for resources"),
        (CandidateQuery((RequestGroup(in_tree="x"), PORT)), "groups without resources"),
        (CandidateQuery((WHOLE, PORT)), ""),
        (CandidateQuery((WHOLE, PORT, replace(PORT, suffix="b"))), "need a group_policy"),
        (CandidateQuery((WHOLE, PORT, replace(PORT, suffix="b")), "none"), ""),
        (CandidateQuery((WHOLE, PORT), same_subtree=(("a", "b"),)), "not there"),
        (CandidateQuery((traits({"HW_NUMA_ROOT"}, {"HW_NUMA_ROOT"}),)), "requires traits that it forbids"),
        (CandidateQuery((traits(set(), {"CUSTOM_A", "CUSTOM_B"}, {"CUSTOM_A", "CUSTOM_B"}),)), "that it forbids"),
        (CandidateQuery((traits(set(), {"CUSTOM_A"}, {"CUSTOM_A", "CUSTOM_B"}),)), ""),
        (
            CandidateQuery((WHOLE,), root_required=frozenset({"CUSTOM_A"}), root_forbidden=frozenset({"CUSTOM_A"})),
            "root_required",
        ),
        (CandidateQuery((replace(WHOLE, resources=(("VCPU", 2**31 - 1),)),)), ""),
        (CandidateQuery((replace(WHOLE, resources=(("VCPU", 2**31),)),)), "not between 1 and"),
        (CandidateQuery((replace(WHOLE, resources=(("VCPU", -1),)),)), "not between 1 and"),
        (CandidateQuery((traits({"NO_SUCH"}, set()),)), "there is no trait NO_SUCH"),
        (CandidateQuery((traits(set(), set(), {"NO_SUCH", "HW_NUMA_ROOT"}),)), "there is no trait NO_SUCH"),
        (CandidateQuery((WHOLE,), root_forbidden=frozenset({""})), "there is no trait "),
        (CandidateQuery((traits(set(), {"CUSTOM_lower"}),)), "there is no trait CUSTOM_lower"),
        (CandidateQuery((traits({"CUSTOM_GOLD"}, {"HW_CPU_X86_AVX2"}),)), ""),
    ],
)
def test_why(query: CandidateQuery, told: str) -> None:
    for options in (OPTIONS, QUIRKS) if "CUSTOM_B" not in str(query) else (OPTIONS,):
        reason = refusal(query, fleet(), options)
        assert (told in reason) if told else (reason == "")


def test_a_custom_trait_that_nobody_has_can_be_forbidden_but_not_for_nova() -> None:
    query = CandidateQuery((traits(set(), {"CUSTOM_NOBODYS"}),))
    assert refusal(query, fleet(), OPTIONS) == ""
    assert refusal(query, fleet(), QUIRKS) == "there is no trait CUSTOM_NOBODYS"


def test_a_group_for_traits_alone_is_placement_s_but_not_nova_s() -> None:
    query = CandidateQuery(
        (WHOLE, PORT, RequestGroup("b", required=frozenset({"HW_NUMA_ROOT"}))), "none", (("a", "b"),)
    )
    assert refusal(query, fleet(), OPTIONS) == ""
    assert "nova cannot ask" in refusal(query, fleet(), QUIRKS)


def test_traits_of_sharing_providers_are_known() -> None:
    table: HostTable = fleet()
    query = CandidateQuery((traits({"FAST_STORE"}, set()),))
    assert refusal(query, table, OPTIONS) == "there is no trait FAST_STORE"
    table.set_sharing(
        [
            Provider(
                "00000000-0000-4000-8000-0000000000ff",
                "store",
                inventories=(("DISK_GB", ResourceInventory(100)),),
                traits=frozenset({SHARES, "FAST_STORE"}),
            )
        ]
    )
    assert refusal(query, table, OPTIONS) == ""
