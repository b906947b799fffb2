"""vCPUs in use and asked for stay within total * ratio, and one instance within the total."""

from __future__ import annotations

import pytest

from engine.scheduler.explain import explain
from engine.scheduler.filters.core import core
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "CoreFilter"


def host(vcpus: int, used: int, ratio: float) -> dict[str, object]:
    return {"vcpus": vcpus, "vcpus_used": used, "cpu_allocation_ratio": ratio}


HOSTS = [host(4, 4, 2.0), host(4, 7, 2.0), host(4, 8, 2.0)]


@pytest.mark.parametrize(
    ("vcpus", "passes"),
    [(1, {"h0", "h1"}), (2, {"h0"}), (4, {"h0"}), (5, set()), (0, {"h0", "h1", "h2"})],
)
def test_a_host_takes_what_is_left_but_no_more_than_it_has(vcpus: int, passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(vcpus=vcpus)) == passes


def test_a_part_of_a_vcpu_is_none() -> None:
    assert passing(NAME, [host(3, 3, 1.5)], request(vcpus=1)) == {"h0"}
    assert passing(NAME, [host(3, 4, 1.5)], request(vcpus=1)) == set()


def test_a_host_that_reports_no_vcpus_is_not_asked() -> None:
    assert core(0, 0, 4.0, 64)
    assert not core(1, 0, 0.0, 1)


def test_an_explanation_says_how_many_are_missing() -> None:
    picture = host_table(HOSTS).snapshot()
    for vcpus, row, change in (
        (2, 2, "2 more vCPUs free (8 of 4 * 2 in use)"),
        (5, 0, "5 vCPUs in all, not 4: an instance is not overcommitted against itself"),
    ):
        found = dict(explain(only(filters=[NAME]), picture, request(vcpus=vcpus), SelectionContext(picture)).nearest)
        assert found[row] == (change,)
