"""The host has every required trait and no forbidden one."""

from __future__ import annotations

import numpy as np
import pytest

from engine.inventory.ingest import fleet_columns
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import find_filter
from engine.scheduler.request_facts import RequestFacts
from tests.builders import fleet, host_table, passing, request

NAME = "TraitsFilter"


HOSTS = [{"traits": ["CUSTOM_A", "CUSTOM_B"]}, {"traits": ["CUSTOM_A"]}, {}]


@pytest.mark.parametrize(
    ("required", "forbidden", "passes"),
    [
        ((), (), {"h0", "h1", "h2"}),
        (("CUSTOM_A",), (), {"h0", "h1"}),
        (("CUSTOM_A", "CUSTOM_B"), (), {"h0"}),
        ((), ("CUSTOM_B",), {"h1", "h2"}),
        (("CUSTOM_A",), ("CUSTOM_B",), {"h1"}),
        (("CUSTOM_A",), ("CUSTOM_A",), set()),
        (("CUSTOM_NOBODYS",), (), set()),
        ((), ("CUSTOM_NOBODYS",), {"h0", "h1", "h2"}),
    ],
)
def test_required_and_forbidden(required: tuple[str, ...], forbidden: tuple[str, ...], passes: set[str]) -> None:
    spec = request(required_traits=frozenset(required), forbidden_traits=frozenset(forbidden))
    assert passing(NAME, HOSTS, spec) == passes


@pytest.mark.parametrize(
    ("value", "passes"), [("required", {"h0"}), ("forbidden", {"h1", "h2"}), ("perhaps", {"h0", "h1", "h2"})]
)
def test_a_flavor_requires_and_forbids(value: str, passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(extra_specs={"trait:CUSTOM_B": value})) == passes


@pytest.mark.parametrize(("value", "passes"), [("required", {"h0"}), ("forbidden", {"h0", "h1", "h2"})])
def test_an_image_can_only_require(value: str, passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(properties={"trait:CUSTOM_B": value})) == passes


def test_all_sources_add_up() -> None:
    spec = request(
        required_traits=frozenset({"CUSTOM_A"}),
        extra_specs={"trait:CUSTOM_B": "forbidden", "hw:cpu_policy": "shared"},
        properties={"trait:CUSTOM_A": "required"},
    )
    assert passing(NAME, HOSTS, spec) == {"h1"}


def test_one_trait_of_each_set_is_enough() -> None:
    spec = request(any_of_traits=frozenset({frozenset({"CUSTOM_B", "CUSTOM_NOBODYS"}), frozenset({"CUSTOM_A"})}))
    assert passing(NAME, HOSTS, spec) == {"h0"}
    assert passing(NAME, HOSTS, request(any_of_traits=frozenset({frozenset({"CUSTOM_NOBODYS"})}))) == set()


def test_traits_of_the_root_are_the_host_s_own() -> None:
    spec = request(root_required=frozenset({"CUSTOM_A"}), root_forbidden=frozenset({"CUSTOM_B"}))
    assert passing(NAME, HOSTS, spec) == {"h1"}


def test_features_require_traits() -> None:
    hosts = [{"traits": ["COMPUTE_SECURITY_UEFI_SECURE_BOOT"]}, {"traits": ["HW_CPU_HYPERTHREADING"]}, {}]
    assert passing(NAME, hosts, request(extra_specs={"os:secure_boot": "required"})) == {"h0"}
    assert passing(NAME, hosts, request(properties={"os_secure_boot": "required"})) == {"h0"}
    assert passing(NAME, hosts, request(extra_specs={"hw:cpu_thread_policy": "isolate"})) == {"h0", "h2"}
    assert passing(NAME, hosts, request(extra_specs={"hw:cpu_thread_policy": "require"})) == {"h1"}


def test_a_trait_of_another_group_is_not_asked_of_the_host() -> None:
    assert passing(NAME, HOSTS, request(extra_specs={"trait1:CUSTOM_B": "required"})) == {"h0", "h1", "h2"}


def test_a_rejection_says_what_would_have_to_change() -> None:
    spec = request(
        required_traits=frozenset({"CUSTOM_C"}),
        root_forbidden=frozenset({"CUSTOM_B"}),
        any_of_traits=frozenset({frozenset({"CUSTOM_D", "CUSTOM_E"})}),
    )
    change = find_filter(NAME).change
    assert change is not None
    assert change(RequestFacts(host_table(HOSTS), 0), spec, SchedulerOptions()) == (
        "trait CUSTOM_C added, trait CUSTOM_D or CUSTOM_E added, trait CUSTOM_B removed"
    )


DISABLED = "COMPUTE_STATUS_DISABLED"
SERVICES = [{"disabled": True, "traits": ["CUSTOM_A"]}, {"traits": [DISABLED]}, {}]


@pytest.mark.parametrize(
    ("asked", "passes"),
    [
        ({}, {"h0", "h1", "h2"}),
        ({"root_forbidden": frozenset({DISABLED})}, {"h2"}),
        ({"forbidden_traits": frozenset({DISABLED})}, {"h2"}),
        ({"root_required": frozenset({DISABLED})}, {"h0", "h1"}),
        ({"required_traits": frozenset({"CUSTOM_A", DISABLED})}, {"h0"}),
        ({"any_of_traits": frozenset({frozenset({DISABLED, "CUSTOM_B"})})}, {"h0", "h1"}),
    ],
)
def test_a_disabled_service_is_a_trait(asked: dict[str, object], passes: set[str]) -> None:
    assert passing(NAME, SERVICES, request(**asked)) == passes


def test_the_trait_comes_and_goes_with_the_service() -> None:
    table = host_table([{"disabled": True}, {}])
    assert [DISABLED in table.provider_tree(row).root.traits for row in range(2)] == [True, False]
    table.upsert_columns(fleet_columns(fleet([{}, {"disabled": True}])), np.arange(2))
    assert [DISABLED in table.provider_tree(row).root.traits for row in range(2)] == [False, True]
    # what the host reports is as before
    assert table.host(1).traits == frozenset()


def test_an_operator_is_told_to_enable_the_service() -> None:
    table = host_table([{"disabled": True, "disabled_reason": "fans"}, {"traits": [DISABLED]}])
    change = find_filter(NAME).change
    assert change is not None
    spec = request(root_forbidden=frozenset({DISABLED}))
    said = [change(RequestFacts(table, row), spec, SchedulerOptions()) for row in range(2)]
    assert said == ["the compute service enabled (disabled: fans)", f"trait {DISABLED} removed"]
