"""Only the hosts of the instances that the hint names."""

from __future__ import annotations

import pytest

from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "SameHostFilter"
HOSTS = [{}, {}, {}]
ROWS = {"a": 0, "b": 0, "c": 2}


@pytest.mark.parametrize(
    ("named", "passes"),
    [
        ((), {"h0", "h1", "h2"}),
        (("",), {"h0", "h1", "h2"}),
        (("a",), {"h0"}),
        (("b", "c"), {"h0", "h2"}),
        (("unknown",), set()),
        (("unknown", "c"), {"h2"}),
    ],
)
def test_hosts_of_named_instances_are_the_only_ones(named: tuple[str, ...], passes: set[str]) -> None:
    spec = request(scheduler_hints={"same_host": named})
    assert passing(NAME, HOSTS, spec, instance_rows=ROWS) == passes


def test_all_instances_of_a_request_go_there() -> None:
    spec = request(scheduler_hints={"same_host": ("c",)}, num_instances=3)
    assert passing(NAME, HOSTS, spec, instance_rows=ROWS) == {"h2"}


def test_an_explanation_names_the_instances() -> None:
    picture = host_table(HOSTS).snapshot()
    spec = request(scheduler_hints={"same_host": ("c", "unknown")})
    context = SelectionContext(picture, instance_rows=ROWS)
    changes = dict(explain(only(filters=[NAME]), picture, spec, context).nearest)
    assert changes == dict.fromkeys((0, 1), ("a host with instance c or unknown",))
