"""Disk in use and asked for stays within total * the least ratio of the host's aggregates, or its own."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "AggregateDiskFilter"


def with_ratios(*ratios: str) -> list[Aggregate]:
    """One aggregate a ratio, all of h1."""
    return [
        Aggregate(str(number), str(number), frozenset({"h1"}), {"disk_allocation_ratio": text})
        for number, text in enumerate(ratios)
    ]


HOSTS = [
    {"disk_gb": 100, "free_disk_gb": -50, "disk_allocation_ratio": 2.0},
    {"disk_gb": 100, "free_disk_gb": -50, "disk_allocation_ratio": 2.0},
]


@pytest.mark.parametrize(
    ("ratios", "passes"),
    [
        ((), {"h0", "h1"}),
        (("1.0",), {"h0"}),
        (("3", " 1.5 "), {"h0"}),
        (("3", "2"), {"h0", "h1"}),
        (("1.0", "much"), {"h0", "h1"}),
        (("0",), {"h0"}),
    ],
)
def test_the_least_ratio_counts_and_a_bad_one_leaves_the_hosts_own(ratios: tuple[str, ...], passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(root_gb=50), aggregates=with_ratios(*ratios)) == passes


def test_no_instance_is_larger_than_its_host() -> None:
    spec = request(root_gb=101)
    assert passing(NAME, HOSTS, spec, aggregates=with_ratios("16")) == set()


def test_an_explanation_counts_with_the_aggregates_ratio() -> None:
    picture = host_table(HOSTS, aggregates=with_ratios("1.5")).snapshot()
    chain = only(filters=[NAME])
    assert dict(explain(chain, picture, request(root_gb=50), SelectionContext(picture)).nearest) == {
        1: ("50 more GiB of disk free (150 of 100 * 1.5 in use)",)
    }
    for _, (change,) in explain(chain, picture, request(root_gb=101), SelectionContext(picture)).nearest:
        assert change.endswith("an instance is not overcommitted against itself")
