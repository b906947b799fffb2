"""vCPUs in use and asked for stay within total * the least ratio of the host's aggregates, or its own."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "AggregateCoreFilter"


def with_ratios(*ratios: str) -> list[Aggregate]:
    """One aggregate a ratio, all of h1."""
    return [
        Aggregate(str(number), str(number), frozenset({"h1"}), {"cpu_allocation_ratio": text})
        for number, text in enumerate(ratios)
    ]


HOSTS = [
    {"vcpus": 4, "vcpus_used": 6, "cpu_allocation_ratio": 2.0},
    {"vcpus": 4, "vcpus_used": 6, "cpu_allocation_ratio": 2.0},
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
    assert passing(NAME, HOSTS, request(vcpus=2), aggregates=with_ratios(*ratios)) == passes


def test_no_instance_is_larger_than_its_host() -> None:
    spec = request(vcpus=5)
    assert passing(NAME, HOSTS, spec, aggregates=with_ratios("16")) == set()


def test_an_explanation_counts_with_the_aggregates_ratio() -> None:
    picture = host_table(HOSTS, aggregates=with_ratios("1.5")).snapshot()
    chain = only(filters=[NAME])
    assert dict(explain(chain, picture, request(vcpus=2), SelectionContext(picture)).nearest) == {
        1: ("2 more vCPUs free (6 of 4 * 1.5 in use)",)
    }
    for _, (change,) in explain(chain, picture, request(vcpus=5), SelectionContext(picture)).nearest:
        assert change.endswith("an instance is not overcommitted against itself")
