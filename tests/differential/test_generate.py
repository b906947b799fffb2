"""Generated cases: the same from the same seed, of every family, and such as nova's API and placement would take."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential.chance import Chance
from tests.differential.families import AGGREGATE_KEYS
from tests.differential.filter_families import ALL_FILTERS
from tests.differential.fleets import make_aggregates, metadata_text
from tests.differential.generate import ALL_FAMILIES, REQUESTS_A_FLEET, generate
from tests.oracle.build import build_table

seeds = st.integers(0, 2**32)


@given(seeds)
@settings(max_examples=5, deadline=None)
def test_a_case_is_the_same_whatever_number_of_cases_is_asked_for(seed: int) -> None:
    few, more = list(generate(seed, 7)), list(generate(seed, 20))
    assert few == more[:7]
    assert list(generate(seed, 20)) == more
    assert list(generate(seed + 1, 7)) != few


def test_every_family_takes_its_turn() -> None:
    many = REQUESTS_A_FLEET * len(ALL_FAMILIES)
    names = [case["name"].rpartition("-")[0] for case in generate(1, many)]
    assert names == [family for family in ALL_FAMILIES for _ in range(REQUESTS_A_FLEET)]
    assert {name.rpartition("-")[0] for case in generate(1, 12, ["numa", "pci"]) for name in [case["name"]]} == {
        "numa",
        "pci",
    }


def test_requests_of_one_fleet_have_the_same_hosts_and_ask_differently() -> None:
    cases = list(generate(3, REQUESTS_A_FLEET, ["caps"]))
    assert all(case["hosts"] == cases[0]["hosts"] for case in cases)
    assert len({json.dumps(case["request_spec"]) for case in cases}) == REQUESTS_A_FLEET


@pytest.mark.parametrize("families", [["nosuch"], ["basic", "nosuch"], []])
def test_an_unknown_family_is_refused_with_those_there_are(families: list[str]) -> None:
    with pytest.raises(ValueError, match="there are basic, caps"):
        next(generate(1, 1, families))


@given(seeds, st.sampled_from(ALL_FAMILIES))
@settings(max_examples=30, deadline=None)
def test_hosts_are_such_as_placement_and_the_host_table_take(seed: int, family: str) -> None:
    for case in generate(seed, REQUESTS_A_FLEET, [family]):
        totals = {"VCPU": "vcpus", "MEMORY_MB": "memory_mb", "DISK_GB": "local_gb"}
        for host in case["hosts"]:
            for name, reserved in (host.get("reserved") or {}).items():
                assert reserved <= host[totals[name]]
        if all(host.get("free_disk_gb", 0) is not None for host in case["hosts"]):
            assert len(build_table(case)) == len(case["hosts"])
        json.dumps(case, allow_nan=False)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_the_cells_of_a_host_share_no_cpu_and_pin_only_their_own(seed: int) -> None:
    for case in generate(seed, 1, ["numapci"]):
        for host in case["hosts"]:
            seen: set[int] = set()
            for cell in (host.get("numa_topology") or {"cells": []})["cells"]:
                cpus = set(cell["cpuset"]) | set(cell["pcpuset"])
                assert not cpus & seen
                assert set(cell["pinned_cpus"]) <= set(cell["pcpuset"])
                assert all(page["used"] <= page["total"] for page in cell["mempages"])
                seen |= cpus


def test_enabled_filters_are_filters_of_novas_and_each_enabled_once() -> None:
    for case in generate(5, 180):
        names: list[str] = case["config"]["filter_scheduler"]["enabled_filters"]
        assert set(names) <= set(ALL_FILTERS)
        assert len(names) == len(set(names))


def test_aggregates_say_only_what_their_family_looks_at() -> None:
    chance = Chance("aggregates")
    hosts: list[dict[str, Any]] = [{"host": "a"}, {"host": "b"}]
    for keys in AGGREGATE_KEYS.values():
        for aggregate in make_aggregates(chance, hosts, keys):
            assert set(aggregate["metadata"]) <= set(keys)
            assert set(aggregate["hosts"]) <= {"a", "b"}


def test_numbers_in_aggregates_are_sometimes_no_numbers() -> None:
    chance = Chance("numbers")
    texts = {metadata_text(chance, "ram_weight_multiplier") for _ in range(200)}
    assert {"abc", "1e2"} <= texts
    with pytest.raises(KeyError):
        metadata_text(chance, "no such key")


def test_families_that_ask_for_several_things_at_once_get_along() -> None:
    cases = [case for seed in range(6) for case in generate(seed, 150, ("all",))]
    assert len(cases) == 900
    assert any(case["request_spec"]["image"] is None for case in cases)
