"""Memory in use and asked for stays within total * ratio, and one instance within the total."""

from __future__ import annotations

import pytest

from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "RamFilter"


def host(memory_mb: int, free_mb: int, ratio: float) -> dict[str, object]:
    return {"memory_mb": memory_mb, "free_ram_mb": free_mb, "ram_allocation_ratio": ratio}


HOSTS = [host(4096, 1024, 1.0), host(4096, 1024, 1.5), host(4096, -1024, 1.5)]


@pytest.mark.parametrize(
    ("memory_mb", "passes"),
    [
        (1024, {"h0", "h1", "h2"}),
        (1025, {"h1"}),
        (3072, {"h1"}),
        (3073, set()),
        (0, {"h0", "h1", "h2"}),
    ],
)
def test_a_host_takes_what_is_left_under_its_ratio(memory_mb: int, passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(memory_mb=memory_mb)) == passes


def test_no_instance_is_larger_than_its_host() -> None:
    assert passing(NAME, [host(4096, 4096, 4.0)], request(memory_mb=4096)) == {"h0"}
    assert passing(NAME, [host(4096, 4096, 4.0)], request(memory_mb=4097)) == set()


def test_an_explanation_says_how_much_is_missing() -> None:
    picture = host_table(HOSTS).snapshot()
    for memory_mb, row, change in (
        (1536, 2, "512 more MiB of memory free (5120 of 4096 * 1.5 in use)"),
        (8192, 0, "8192 MiB of memory in all, not 4096: an instance is not overcommitted against itself"),
    ):
        spec = request(memory_mb=memory_mb)
        assert dict(explain(only(filters=[NAME]), picture, spec, SelectionContext(picture)).nearest)[row] == (change,)
