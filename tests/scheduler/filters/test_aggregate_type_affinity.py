"""Hosts of aggregates that name flavors are for those flavors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.aggregate import Aggregate
from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "AggregateTypeAffinityFilter"
HOSTS = [{}, {}, {}, {}]
AGGREGATES = [
    Aggregate("a", "a", frozenset({"h1"}), {"instance_type": "m1.small"}),
    Aggregate("b", "b", frozenset({"h1", "h2"}), {"instance_type": "m1.large, c5.xl"}),
    Aggregate("c", "c", frozenset({"h3"}), {"instance_type": ""}),
]


@pytest.mark.parametrize(
    ("flavor", "passes"),
    [
        ("m1.small", {"h0", "h1"}),
        ("c5.xl", {"h0", "h1", "h2"}),
        ("m1.smal", {"h0"}),
        ("m1", {"h0"}),
        ("", {"h0", "h3"}),
    ],
)
def test_flavors_share_hosts_that_name_them_and_those_that_name_none(flavor: str, passes: set[str]) -> None:
    spec = request()
    assert (
        passing(NAME, HOSTS, replace(spec, flavor=replace(spec.flavor, name=flavor)), aggregates=AGGREGATES) == passes
    )


def test_an_explanation_names_the_flavors() -> None:
    picture = host_table(HOSTS, aggregates=AGGREGATES).snapshot()
    changes = dict(explain(only(filters=[NAME]), picture, request(), SelectionContext(picture)).nearest)
    assert changes[1] == ("flavor small among those of its aggregates' instance_type: c5.xl, m1.large, m1.small",)
