"""Flavors and images that contradict each other are refused before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from engine.boot.api.numa_check import check_numa
from engine.rest.errors import BadRequest


def flavor(**extra_specs: str) -> dict[str, Any]:
    specs = {name.replace("__", ":"): value for name, value in extra_specs.items()}
    return {
        "name": "m1",
        "vcpus": 4,
        "memory_mb": 1024,
        "root_gb": 1,
        "ephemeral_gb": 0,
        "swap_mb": 0,
        "extra_specs": specs,
    }


@pytest.mark.parametrize(
    ("specs", "properties"),
    [
        ({"hw__numa_nodes": "3"}, {}),
        ({"hw__numa_nodes": "many"}, {}),
        ({"hw__cpu_policy": "sometimes"}, {}),
        ({"hw__cpu_policy": "shared"}, {"hw_cpu_policy": "dedicated"}),
        ({"hw__cpu_thread_policy": "require"}, {}),
        ({"hw__mem_page_size": "-5"}, {}),
        ({}, {"hw_numa_nodes": "-1"}),
    ],
)
def test_a_guest_that_no_host_could_run_is_refused(specs: dict[str, str], properties: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        check_numa(flavor(**specs), {"properties": properties})


@pytest.mark.parametrize(
    ("specs", "properties"),
    [
        ({}, {}),
        ({"hw__numa_nodes": "2"}, {}),
        ({"hw__cpu_policy": "dedicated"}, {"hw_cpu_thread_policy": "isolate"}),
        ({"hw__mem_page_size": "any"}, {"hw_mem_page_size": "2MB"}),
    ],
)
def test_what_agrees_passes(specs: dict[str, str], properties: dict[str, str]) -> None:
    check_numa(flavor(**specs), {"properties": properties})
