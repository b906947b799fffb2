"""Hosts of aggregates that name projects are for those projects."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "AggregateMultiTenancyIsolation"
HOSTS = [{}, {}, {}, {}]
AGGREGATES = [
    Aggregate("a", "a", frozenset({"h1", "h2"}), {"filter_tenant_id": "red"}),
    Aggregate("b", "b", frozenset({"h2"}), {"filter_tenant_id1": "green, blue", "filter_tenant_id_more": "grey"}),
    Aggregate("c", "c", frozenset({"h3"}), {"tenant": "red"}),
]


@pytest.mark.parametrize(
    ("project", "passes"),
    [
        ("red", {"h0", "h1", "h2", "h3"}),
        ("blue", {"h0", "h2", "h3"}),
        ("grey", {"h0", "h2", "h3"}),
        ("Red", {"h0", "h3"}),
        ("green, blue", {"h0", "h3"}),
        ("", {"h0", "h3"}),
    ],
)
def test_projects_share_hosts_that_name_them_and_those_that_name_none(project: str, passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(project_id=project), aggregates=AGGREGATES) == passes


def test_an_explanation_names_the_projects() -> None:
    picture = host_table(HOSTS, aggregates=AGGREGATES).snapshot()
    spec = request(project_id="white")
    changes = dict(explain(only(filters=[NAME]), picture, spec, SelectionContext(picture)).nearest)
    assert changes[2] == ("project white among those of its aggregates' filter_tenant_id: blue, green, grey, red",)
