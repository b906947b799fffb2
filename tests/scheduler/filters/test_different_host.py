"""Every host but those of the instances that the hint names."""

from __future__ import annotations

import pytest

from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "DifferentHostFilter"
HOSTS = [{}, {}, {}]
ROWS = {"a": 0, "b": 0, "c": 2}


@pytest.mark.parametrize(
    ("named", "passes"),
    [
        ((), {"h0", "h1", "h2"}),
        (("",), {"h0", "h1", "h2"}),
        (("a",), {"h1", "h2"}),
        (("b", "c"), {"h1"}),
        (("unknown",), {"h0", "h1", "h2"}),
        (("unknown", "c"), {"h0", "h1"}),
    ],
)
def test_hosts_of_named_instances_are_left_out(named: tuple[str, ...], passes: set[str]) -> None:
    spec = request(scheduler_hints={"different_host": named})
    assert passing(NAME, HOSTS, spec, instance_rows=ROWS) == passes


def test_without_the_hint_every_host_passes() -> None:
    assert passing(NAME, HOSTS, request(scheduler_hints={"same_host": ("a",)}), instance_rows=ROWS) == {
        "h0",
        "h1",
        "h2",
    }


def test_an_explanation_names_the_instances() -> None:
    picture = host_table(HOSTS).snapshot()
    spec = request(scheduler_hints={"different_host": ("a", "c")})
    context = SelectionContext(picture, instance_rows=ROWS)
    changes = dict(explain(only(filters=[NAME]), picture, spec, context).nearest)
    assert changes == dict.fromkeys((0, 2), ("a host without instance a or c",))
