"""From a request to what it asks of resource providers."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidRequestError, NoValidHostError
from engine.inventory.usage import Amounts, flavor_amounts
from engine.model.aggregate import Aggregate
from engine.model.candidates import RequestGroup
from engine.model.request_spec import RequestedDestination
from engine.scheduler.translate import requested_amounts
from tests.builders import request
from tests.scheduler.translate.asking import A, B, C, asked, texts

GPUS = {"resources1:VGPU": "1", "resources2:VGPU": "1"}
PORTS = tuple(RequestGroup(suffix, (("SRIOV_NET_VF", 1),)) for suffix in ("p1", "p2"))
PLAIN = "resources=MEMORY_MB:512,VCPU:1"


@pytest.mark.parametrize(
    ("spec", "query"),
    [
        ({}, PLAIN),
        ({"root_gb": 5, "swap_mb": 1}, "resources=DISK_GB:6,MEMORY_MB:512,VCPU:1"),
        ({"required_traits": frozenset({"CUSTOM_GOLD"})}, f"required=CUSTOM_GOLD&{PLAIN}"),
        (
            {"extra_specs": {"trait:CUSTOM_A": "required"}, "forbidden_traits": frozenset({"CUSTOM_B"})},
            f"required=CUSTOM_A,!CUSTOM_B&{PLAIN}",
        ),
        ({"any_of_traits": frozenset({frozenset({"CUSTOM_A", "CUSTOM_B"})})}, f"required=in:CUSTOM_A,CUSTOM_B&{PLAIN}"),
        (
            {"root_required": frozenset({"OWNER_NOVA"}), "root_forbidden": frozenset({"COMPUTE_STATUS_DISABLED"})},
            f"{PLAIN}&root_required=OWNER_NOVA,!COMPUTE_STATUS_DISABLED",
        ),
        ({"member_of": (frozenset({A}), frozenset({A, B}))}, f"member_of=in:{A}&member_of=in:{A},{B}&{PLAIN}"),
        ({"forbidden_aggregates": frozenset({A, B})}, f"member_of=!in:{A},{B}&{PLAIN}"),
        ({"force_hosts": ("h1",)}, f"in_tree=00000000-0000-4000-8000-000000000002&{PLAIN}"),
        ({"extra_specs": {"resources1:VGPU": "1"}}, f"{PLAIN}&resources1=VGPU:1"),
        (
            {"extra_specs": GPUS | {"group_policy": "isolate"}},
            f"group_policy=isolate&{PLAIN}&resources1=VGPU:1&resources2=VGPU:1",
        ),
        (
            {"requested_resources": PORTS},
            f"group_policy=none&{PLAIN}&resourcesp1=SRIOV_NET_VF:1&resourcesp2=SRIOV_NET_VF:1",
        ),
        (
            {"requested_resources": PORTS, "same_subtree": (("p2", "p1"),)},
            f"group_policy=none&{PLAIN}&resourcesp1=SRIOV_NET_VF:1&resourcesp2=SRIOV_NET_VF:1&same_subtree=p1,p2",
        ),
        (
            {"extra_specs": {"resources1:VGPU": "1"}, "requested_resources": PORTS[:1]},
            f"group_policy=none&{PLAIN}&resources1=VGPU:1&resourcesp1=SRIOV_NET_VF:1",
        ),
    ],
)
def test_the_query(spec: dict[str, Any], query: str) -> None:
    assert texts(request(**spec)) == [query]


def test_a_zone_is_a_set_of_aggregates_of_the_query_alone() -> None:
    zones = [
        Aggregate(A, "a", metadata={"availability_zone": "az1"}),
        Aggregate(B, "b", metadata={"availability_zone": "az1"}),
    ]
    spec = request(availability_zone="az1", member_of=(frozenset({C}),))
    assert texts(spec, aggregates=zones) == [f"member_of=in:{A},{B}&member_of=in:{C}&{PLAIN}"]
    assert texts(request(availability_zone="nova"), aggregates=zones) == [PLAIN]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"extra_specs": GPUS}, "group_policy"),
        ({"extra_specs": GPUS, "requested_resources": PORTS}, "group_policy"),
        ({"extra_specs": {"resources:VCPU": "0", "resources:MEMORY_MB": "0"}}, "no group asks for resources"),
        ({"extra_specs": {"trait:CUSTOM_A": "required"}, "forbidden_traits": frozenset({"CUSTOM_A"})}, "forbids"),
        ({"extra_specs": {"trait:no such": "forbidden"}}, "there is no trait no such"),
        ({"extra_specs": {"resources:MEMORY_MB": "99999999999999999999"}}, "not between"),
        (
            {"extra_specs": {"resources:VCPU": "0", "resources1:MEMORY_MB": "1"}, "force_hosts": ("h0",)},
            "groups without resources",
        ),
        ({"same_subtree": (("x",),)}, "same_subtree"),
    ],
)
def test_what_placement_refuses_has_no_query(spec: dict[str, Any], why: str) -> None:
    found = asked(request(**spec))
    assert (found.queries, found.plain) == ((), False)
    assert why in found.refusal


def test_pinned_cpus_are_asked_for_again_as_shared_ones() -> None:
    spec = request(extra_specs={"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "require"})
    pinned = "required=HW_CPU_HYPERTHREADING&resources=MEMORY_MB:512,PCPU:1"
    assert texts(spec) == [pinned, PLAIN]
    assert texts(spec, disable_fallback_pcpu_query=True) == [pinned]
    assert not asked(spec).plain
    mixed = request(vcpus=2, extra_specs={"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "1"})
    assert texts(mixed) == ["resources=MEMORY_MB:512,PCPU:1,VCPU:1"]


def test_of_two_queries_one_may_be_refused() -> None:
    specs = {"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "isolate", "trait:HW_CPU_HYPERTHREADING": "required"}
    assert texts(request(extra_specs=specs)) == [f"required=HW_CPU_HYPERTHREADING&{PLAIN}"]
    assert not asked(request(extra_specs=specs)).plain


@pytest.mark.parametrize(
    ("spec", "plain"),
    [
        ({}, True),
        ({"extra_specs": {"resources:MEMORY_MB": "7", "trait:CUSTOM_A": "required"}}, True),
        ({"availability_zone": "az1", "member_of": (frozenset({A}),), "forbidden_aggregates": frozenset({B})}, True),
        ({"any_of_traits": frozenset({frozenset({"CUSTOM_A"})}), "root_required": frozenset({"CUSTOM_GOLD"})}, True),
        ({"extra_specs": {"os:secure_boot": "required"}}, True),
        ({"scheduler_hints": {"group": ("g",)}, "num_instances": 5}, True),
        ({"extra_specs": {"resources:VGPU": "1"}}, False),
        ({"extra_specs": {"resources1:MEMORY_MB": "1"}}, False),
        ({"extra_specs": {"hw:pmem": "6GB"}}, False),
        ({"requested_resources": PORTS[:1]}, False),
        ({"force_hosts": ("h1",)}, False),
        ({"requested_destination": RequestedDestination("h1")}, False),
        ({"requested_destination": RequestedDestination(cell="c1")}, True),
    ],
)
def test_what_columns_and_facts_of_a_host_decide_is_plain(spec: dict[str, Any], plain: bool) -> None:
    assert asked(request(**spec)).plain is plain


@pytest.mark.parametrize(
    ("spec", "amounts"),
    [
        ({"vcpus": 2, "root_gb": 7, "swap_mb": 1025}, Amounts(2, 512, 9, 2, 512, 7)),
        ({"vcpus": 2, "root_gb": 7, "is_bfv": True}, Amounts(2, 512, 0, 2, 512, 7)),
        ({"extra_specs": {"resources:VCPU": "0", "resources:MEMORY_MB": "9"}}, Amounts(0, 9, 0, 1, 512, 0)),
        ({"extra_specs": {"resources1:MEMORY_MB": "9"}}, Amounts(1, 0, 0, 1, 512, 0)),
        ({"extra_specs": {"hw:cpu_policy": "dedicated"}}, Amounts(0, 512, 0, 1, 512, 0)),
        ({"extra_specs": {"resources:MEMORY_MB": "9" * 20}}, Amounts(1, 2**31 - 1, 0, 1, 512, 0)),
        ({"requested_resources": PORTS}, Amounts(1, 512, 0, 1, 512, 0)),
    ],
)
def test_the_amounts(spec: dict[str, Any], amounts: Amounts) -> None:
    assert asked(request(**spec)).amounts == amounts
    assert requested_amounts(request(**spec)) == amounts


def test_the_plain_amounts_are_the_flavor_s() -> None:
    spec = request(vcpus=3, root_gb=9, ephemeral_gb=4, swap_mb=5000)
    assert asked(spec).amounts == flavor_amounts(spec.flavor)


@pytest.mark.parametrize(
    ("hints", "limit"),
    [
        ({}, 7),
        ({"group": ()}, None),
        ({"same_host": ("x",)}, None),
        ({"different_host": ("x",)}, None),
        ({"query": ("x",)}, 7),
    ],
)
def test_some_hints_ask_for_all_candidates(hints: dict[str, tuple[str, ...]], limit: int | None) -> None:
    assert asked(request(scheduler_hints=hints), max_placement_results=7).limit == limit


def test_what_flavor_and_image_get_wrong_comes_before_a_missing_target() -> None:
    with pytest.raises(NoValidHostError):
        asked(request(force_hosts=("h9",)))
    with pytest.raises(InvalidRequestError, match="cpu_policy"):
        asked(request(force_hosts=("h9",), extra_specs={"hw:cpu_policy": "odd"}))
