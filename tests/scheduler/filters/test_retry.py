"""Hosts where building the instance failed before are passed over."""

from __future__ import annotations

import pytest

from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request, selector

NAME = "RetryFilter"
HOSTS = [{}, {"nodename": "node-1"}, {}]
EVERY = {"h0", "h1", "h2"}


@pytest.mark.parametrize(
    ("tried", "passes"),
    [
        ((), EVERY),
        ((("h0", "h0"),), {"h1", "h2"}),
        ((("h1", "node-1"), ("h2", "h2")), {"h0"}),
        ((("h1", "h1"),), EVERY),
        ((("h1", ""),), {"h0", "h2"}),
        ((("H0", "H0"), ("gone", "gone"), ("", "")), EVERY),
        ((("h0", "h0"), ("h0", "h0"), ("h1", ""), ("h2", "h2")), set()),
    ],
)
def test_host_and_node_are_compared_exactly(tried: tuple[tuple[str, str], ...], passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(tried=tried)) == passes


def test_it_runs_before_every_instance_but_not_on_a_rebuild() -> None:
    chooser = selector(host_table(HOSTS), only(filters=[NAME]))
    chosen = chooser.select(request(num_instances=3, tried=(("h0", "h0"),)))
    assert all(item.row != 0 for item in chosen)
    rebuild = request(tried=(("h0", "h0"),), scheduler_hints={"_nova_check_type": ("rebuild",)})
    assert passing(NAME, HOSTS, rebuild) == EVERY


def test_an_explanation_asks_for_another_host() -> None:
    picture = host_table(HOSTS).snapshot()
    found = explain(only(filters=[NAME]), picture, request(tried=(("h1", ""),)), SelectionContext(picture))
    assert found.nearest == ((1, ("a host on which the instance has not been tried",)),)
