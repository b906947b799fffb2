"""Disk in use and asked for stays within total * ratio, and one instance within the total."""

from __future__ import annotations

import pytest

from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "DiskFilter"


def host(disk_gb: int, free_gb: int, ratio: float) -> dict[str, object]:
    return {"disk_gb": disk_gb, "free_disk_gb": free_gb, "disk_allocation_ratio": ratio}


HOSTS = [host(100, 20, 1.0), host(100, 20, 1.5), host(100, -20, 1.5)]


@pytest.mark.parametrize(
    ("root_gb", "ephemeral_gb", "swap_mb", "passes"),
    [
        (20, 0, 0, {"h0", "h1", "h2"}),
        (15, 5, 0, {"h0", "h1", "h2"}),
        (20, 0, 1, {"h1", "h2"}),
        (40, 0, 1024, {"h1"}),
        (70, 0, 0, {"h1"}),
        (71, 0, 0, set()),
    ],
)
def test_a_host_takes_what_is_left_under_its_ratio(
    root_gb: int, ephemeral_gb: int, swap_mb: int, passes: set[str]
) -> None:
    spec = request(root_gb=root_gb, ephemeral_gb=ephemeral_gb, swap_mb=swap_mb)
    found = passing(NAME, HOSTS, spec)
    assert found == passes


def test_no_instance_is_larger_than_its_host() -> None:
    assert passing(NAME, [host(100, 100, 4.0)], request(root_gb=100)) == {"h0"}
    assert passing(NAME, [host(100, 100, 4.0)], request(root_gb=101)) == set()


def test_the_root_disk_counts_on_a_volume_too() -> None:
    assert passing(NAME, HOSTS, request(root_gb=71, is_bfv=True)) == set()


def test_an_explanation_says_how_much_is_missing() -> None:
    picture = host_table(HOSTS).snapshot()
    for root_gb, row, change in (
        (32, 2, "2 more GiB of disk free (120 of 100 * 1.5 in use)"),
        (200, 0, "200 GiB of disk in all, not 100: an instance is not overcommitted against itself"),
    ):
        spec = request(root_gb=root_gb)
        assert dict(explain(only(filters=[NAME]), picture, spec, SelectionContext(picture)).nearest)[row] == (change,)
