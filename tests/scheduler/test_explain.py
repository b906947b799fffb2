"""An explanation says of every host what a selection would, and what would have to change."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.inventory.usage import flavor_amounts
from engine.model.aggregate import Aggregate
from engine.model.request_spec import RequestedDestination, RequestSpec
from engine.scheduler.chain import Chain, multiplier_overrides
from engine.scheduler.demand import demand_of
from engine.scheduler.explain import RESTRICTION, Explanation, explain, rejection_counts
from engine.scheduler.inquiry import make_inquiry
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import all_filters
from engine.scheduler.sparse import GroupState, SelectionContext
from engine.scheduler.state_verdicts import StateVerdicts
from tests.builders import NOW_US, SECOND_US, first_step, host_table, only, request
from tests.scheduler import text_worlds
from tests.scheduler.plain_explanation import plain_explanation

CHAIN = Chain.from_options(SchedulerOptions())

HOSTS = [
    {"availability_zone": "az1"},
    {"availability_zone": "az1", "vcpus": 2, "cpu_allocation_ratio": 1.0, "vcpus_used": 1},
    {"availability_zone": "az2"},
    {"availability_zone": "az1", "disabled": True, "disabled_reason": "memory test"},
    {"availability_zone": "az2", "forced_down": True, "vcpus": 2, "cpu_allocation_ratio": 1.0},
    {"availability_zone": "az1", "memory_mb": 32_768, "last_seen_up_us": NOW_US - 61 * SECOND_US},
    {"availability_zone": "az1", "memory_mb": 32_768, "num_io_ops": 3},
]
SPEC = request(vcpus=4, availability_zone="az1")


def explained(
    spec: RequestSpec = SPEC, *, chain: Chain = CHAIN, group: GroupState | None = None, **more: object
) -> Explanation:
    picture = host_table(HOSTS).snapshot()
    return explain(chain, picture, spec, SelectionContext(picture, group), **more)  # type: ignore[arg-type]


def test_counts_go_filter_by_filter_and_add_up() -> None:
    answer = explained()
    counts = {item.filter: (item.removed, item.left) for item in answer.rejections}
    assert counts == {
        "CapacityFilter": (2, 5),
        "AllocationUnitsFilter": (0, 5),
        "TraitsFilter": (1, 4),
        "ZoneFilter": (1, 3),
        "ComputeFilter": (1, 2),
        "ImagePropertiesFilter": (0, 2),
        "ServerGroupAntiAffinityFilter": (0, 2),
        "ServerGroupAffinityFilter": (0, 2),
    }
    assert (answer.hosts_total, answer.passed) == (7, 2)
    assert sum(item.removed for item in answer.rejections) + answer.passed == answer.hosts_total
    assert all(item.reason for item in answer.rejections)


def test_rejection_counts_are_the_same_counts() -> None:
    table = host_table(HOSTS)
    demand = demand_of(SPEC, table, CHAIN.options)
    counts = rejection_counts(make_inquiry(CHAIN, table, demand, SelectionContext(table), StateVerdicts(table)))
    assert counts == {item.filter: item.removed for item in explained().rejections}
    assert list(counts) == [item.filter for item in explained().rejections]


def test_a_named_host_gets_every_filters_verdict() -> None:
    answer = explained(hosts=[0, 4])
    assert set(answer.verdicts) == {0, 4}
    assert all(verdict.passed and not verdict.reason for verdict in answer.verdicts[0])
    failed = {verdict.filter: verdict.reason for verdict in answer.verdicts[4] if not verdict.passed}
    assert failed == {
        "CapacityFilter": "2 more vCPUs free (2 of the 4 asked for)",
        "AllocationUnitsFilter": "vcpu of 4 within min_unit 1, max_unit 2, step_size 1",
        "ZoneFilter": "zone az1 instead of az2",
        "ComputeFilter": "the compute service no longer forced down",
    }
    assert [verdict.filter for verdict in answer.verdicts[4]] == [item.filter for item in answer.rejections]


def test_the_nearest_misses_fail_least_and_say_what_to_change() -> None:
    answer = explained(nearest_limit=10)
    assert answer.nearest == (
        (2, ("zone az1 instead of az2",)),
        (5, ("a heartbeat of the compute service within 60 s",)),
        (3, ("the compute service enabled (disabled: memory test)",)),
        (
            1,
            (
                "3 more vCPUs free (1 of the 4 asked for)",
                "vcpu of 4 within min_unit 1, max_unit 2, step_size 1",
            ),
        ),
        (
            4,
            (
                "2 more vCPUs free (2 of the 4 asked for)",
                "vcpu of 4 within min_unit 1, max_unit 2, step_size 1",
                "zone az1 instead of az2",
                "the compute service no longer forced down",
            ),
        ),
    )
    assert explained(nearest_limit=2).nearest == answer.nearest[:2]
    assert explained(nearest_limit=0).nearest == ()


def test_among_equals_the_least_short_of_capacity_is_nearest() -> None:
    chain = only(filters=["CapacityFilter"])
    hosts = [{"vcpus": count, "cpu_allocation_ratio": 1.0} for count in (1, 3, 2, 9)]
    table = host_table(hosts)
    answer = explain(chain, table, request(vcpus=4), SelectionContext(table))
    assert [row for row, _ in answer.nearest] == [1, 2, 0]


def test_the_weights_are_those_of_a_selection_and_their_terms_add_up() -> None:
    rng = random.Random(1)
    hosts = [
        {
            "vcpus_used": rng.randint(0, 9),
            "memory_mb_used": rng.randint(0, 9000),
            "local_gb_used": rng.randint(0, 900),
            "num_io_ops": rng.randint(0, 5),
            "failed_builds": rng.randint(0, 2),
            "hypervisor_version": rng.randint(0, 3),
            "free_disk_gb": rng.choice([None, -5]),
        }
        for _ in range(40)
    ]
    table = host_table(
        hosts,
        aggregates=[Aggregate("a", "a", frozenset({"h1", "h2", "h3"}), {"ram_weight_multiplier": "-3"})],
    )
    group = GroupState("soft-affinity", member_counts={5: 1, 6: 3})
    spec = request(instance_group="group")
    step = first_step(CHAIN, table, spec, group=group)
    answer = explain(CHAIN, table, spec, SelectionContext(table, group), weighed_limit=40)
    assert [(row, weight) for row, weight, _ in answer.weighed] == list(
        zip(step.rows.tolist(), step.weights.tolist(), strict=True)
    )
    for _, weight, terms in answer.weighed:
        assert [term.weigher for term in terms] == [weigher.name for weigher in CHAIN.weighers]
        assert math.isclose(sum(term.weight for term in terms), weight, rel_tol=1e-12, abs_tol=1e-9)
        assert all(0.0 <= term.normalized <= 1.0 for term in terms)
    by_row = {row: {term.weigher: term for term in terms} for row, _, terms in answer.weighed}
    assert by_row[2]["RAMWeigher"].multiplier == -3.0
    assert by_row[4]["RAMWeigher"].multiplier == 1.0
    assert (by_row[6]["ServerGroupSoftAffinityWeigher"].raw, by_row[5]["ServerGroupSoftAffinityWeigher"].raw) == (3, 1)
    assert by_row[6]["ServerGroupSoftAffinityWeigher"].normalized == 1.0


def test_only_the_best_are_weighed_out() -> None:
    answer = explained(weighed_limit=1)
    assert [row for row, _, _ in answer.weighed] == [0]
    assert explained(weighed_limit=0).weighed == ()


def test_a_lone_survivor_weighs_nothing_as_in_nova() -> None:
    answer = explained(request(vcpus=4, availability_zone="az2"))
    ((row, weight, terms),) = answer.weighed
    assert (row, weight) == (2, 0.0)
    assert {term.weight for term in terms} == {0.0}
    assert {term.raw for term in terms} != {0.0}


@pytest.mark.parametrize(
    ("restriction", "left"),
    [
        ({"ignore_hosts": ("H0",)}, 6),
        ({"force_hosts": ("H0",)}, 1),
        ({"force_nodes": ("h3", "h4")}, 2),
        ({"requested_destination": RequestedDestination("h6")}, 1),
        ({"requested_destination": RequestedDestination("h6", "another node")}, 0),
    ],
)
def test_hosts_that_the_request_itself_leaves_out_come_first(restriction: dict[str, object], left: int) -> None:
    answer = explained(request(**restriction))
    first = answer.rejections[0]
    assert (first.filter, first.removed, first.left) == (RESTRICTION, 7 - left, left)
    assert first.reason == "not among the hosts the request allows"


def test_forced_hosts_meet_placements_filters_only() -> None:
    answer = explained(request(vcpus=1, force_hosts=("h5",)), hosts=[5])
    assert answer.passed == 1
    assert "ComputeFilter" not in {verdict.filter for verdict in answer.verdicts[5]}
    assert "CapacityFilter" in {verdict.filter for verdict in answer.verdicts[5]}


def test_a_forced_host_whose_service_is_disabled_is_refused_as_by_placement() -> None:
    answer = explained(request(vcpus=1, force_hosts=("h3",)), hosts=[3])
    assert answer.passed == 0
    failed = {verdict.filter: verdict.reason for verdict in answer.verdicts[3] if not verdict.passed}
    assert failed == {"AllocationCandidatesFilter": "the compute service enabled (disabled: memory test)"}


def test_a_group_counts_too() -> None:
    group = GroupState("anti-affinity", member_counts={0: 1})
    answer = explained(group=group, hosts=[0])
    assert {item.filter: item.removed for item in answer.rejections}["ServerGroupAntiAffinityFilter"] == 1
    (failed,) = [verdict for verdict in answer.verdicts[0] if not verdict.passed]
    assert failed.reason == "holds a member of the anti-affinity group already"
    affine = explained(group=GroupState("affinity", host_rows={6}))
    assert [row for row, _, _ in affine.weighed] == [6]


def test_an_explanation_claims_nothing() -> None:
    table = host_table(HOSTS)
    before = table.generation
    explain(CHAIN, table, SPEC, SelectionContext(table), hosts=[0])
    assert table.generation == before


def test_an_empty_fleet_and_an_empty_chain_have_answers() -> None:
    empty = host_table([])
    answer = explain(CHAIN, empty, SPEC, SelectionContext(empty))
    assert (answer.hosts_total, answer.passed, answer.weighed, answer.nearest) == (0, 0, (), ())
    assert all((item.removed, item.left) == (0, 0) for item in answer.rejections)
    unfiltered = explained(chain=only())
    assert (unfiltered.passed, unfiltered.rejections) == (7, ())
    assert [weight for _, weight, _ in unfiltered.weighed] == [0.0] * 7


def test_a_requirement_that_nova_could_not_evaluate_counts_as_a_refusal() -> None:
    table = host_table([{"stats": '{"gpu": "a100"}'}, {"stats": '{"gpu": "4"}'}])
    spec = request(extra_specs={"capabilities:gpu": ">= 2"})
    answer = explain(CHAIN, table, spec, SelectionContext(table))
    assert {item.filter: item.removed for item in answer.rejections}["ComputeCapabilitiesFilter"] == 1
    assert [row for row, _, _ in answer.weighed] == [1]


@cache
def chain_of(quirks: bool, weigher_multiplier: float) -> Chain:
    chosen = text_worlds.options(nova_quirks=quirks)
    return Chain.from_options(replace(chosen, ram_weight_multiplier=weigher_multiplier))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), hosts=st.one_of(st.integers(1, 40), st.sampled_from((255, 257, 600))))
def test_an_explanation_is_the_same_as_one_worked_out_plainly(seed: int, hosts: int) -> None:
    rng = random.Random(seed)
    table = text_worlds.table(rng, hosts)
    chain = chain_of(rng.random() < 0.3, rng.choice((1.0, -2.0)))
    for _ in range(4):
        spec = text_worlds.wish(rng)
        picture = rng.choice((table, table.snapshot()))
        policy = rng.choice((None, None, "affinity", "anti-affinity", "soft-affinity"))
        members = dict.fromkeys(rng.sample(range(hosts), k=min(2, hosts)), 1)
        group = None if policy is None else GroupState(policy, 1, members, set(members))
        told = [row for row in rng.choices(range(hosts), k=3) if picture.columns["present"][row]]
        limits = {"weighed_limit": rng.choice((0, 1, 10, 1000)), "nearest_limit": rng.choice((0, 1, 5, 1000))}
        overrides = multiplier_overrides(chain, picture)
        expected = plain_explanation(
            chain, picture, spec, SelectionContext(picture, group), overrides, hosts=told, **limits
        )
        answer = explain(chain, picture, spec, SelectionContext(picture, group), hosts=told, **limits)
        assert answer == expected
        text_worlds.change(rng, table)
        for row in rng.choices(table.present_rows().tolist() or [0], k=3):
            if table.columns["present"][row]:
                table.apply(row, 1, flavor_amounts(request(vcpus=2, memory_mb=4096, root_gb=10).flavor))
        hosts = table.rows


def test_hosts_of_nearly_the_same_weight_keep_their_exact_order() -> None:
    rng = random.Random(4)
    chain = chain_of(False, 1.0)
    table = host_table([{"host_id": f"n{row}"} for row in range(1500)])
    (cpu_free,) = table.own(["cpu_free"])
    cpu_free[:1500] = [64.0 - rng.randrange(500) * 2.0**-46 for _ in range(1500)]
    cpu_free[700] = 0.0
    context = SelectionContext(table)
    spec = request()
    expected = plain_explanation(chain, table, spec, context, multiplier_overrides(chain, table), weighed_limit=40)
    answer = explain(chain, table, spec, context, weighed_limit=40)
    assert answer.weighed == expected.weighed
    assert len({weight for _, weight, _ in answer.weighed}) > 5


def test_a_multiplier_of_an_aggregate_that_is_no_number_leaves_those_hosts_last() -> None:
    chain = Chain.from_options(SchedulerOptions(nova_quirks=True))
    aggregate = Aggregate("a", "a", frozenset({"h1", "h4"}), {"ram_weight_multiplier": "nan"})
    table = host_table([{"memory_mb": 8192 * (row + 1)} for row in range(6)], aggregates=[aggregate])
    answer = explain(chain, table, request(), SelectionContext(table))
    assert [row for row, _, _ in answer.weighed] == [5, 3, 2, 0, 1, 4]
    assert [math.isnan(weight) for _, weight, _ in answer.weighed] == [False] * 4 + [True] * 2


def test_every_filter_there_is_has_a_bit() -> None:
    assert len(all_filters()) + 1 < 64
