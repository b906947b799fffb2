"""Fewer instances than the least limit of the host's aggregates, or the option's."""

from __future__ import annotations

import pytest

from engine.errors import NoValidHostError
from engine.model.aggregate import Aggregate
from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request, selector

NAME = "AggregateNumInstancesFilter"
KEY = "max_instances_per_host"


def limited(*limits: str) -> list[Aggregate]:
    """One aggregate a limit, all of h1."""
    return [Aggregate(str(number), str(number), frozenset({"h1"}), {KEY: text}) for number, text in enumerate(limits)]


def test_the_limit_itself_is_too_many() -> None:
    hosts = [{"num_instances": 4}, {"num_instances": 2}, {"num_instances": 5}]
    assert passing(NAME, hosts, max_instances_per_host=5, aggregates=limited("3")) == {"h0", "h1"}
    assert passing(NAME, hosts, max_instances_per_host=5, aggregates=limited("2")) == {"h0"}


def test_the_least_limit_counts_and_a_bad_one_leaves_the_options() -> None:
    hosts = [{"num_instances": 4}, {"num_instances": 4}]
    assert passing(NAME, hosts, max_instances_per_host=5, aggregates=limited("9", " 4 ")) == {"h0"}
    assert passing(NAME, hosts, max_instances_per_host=5, aggregates=limited("1", "1,2")) == {"h0", "h1"}
    assert passing(NAME, hosts, max_instances_per_host=1, aggregates=limited("5")) == {"h1"}


def test_a_request_for_several_instances_is_asked_anew_before_each() -> None:
    table = host_table([{"num_instances": 5}, {"num_instances": 1}], aggregates=limited("3"))
    chain = only(filters=[NAME], max_instances_per_host=5)
    found = selector(table, chain).select(request(num_instances=2))
    assert [item.row for item in found] == [1, 1]
    table = host_table([{"num_instances": 5}, {"num_instances": 1}], aggregates=limited("3"))
    with pytest.raises(NoValidHostError, match="after 2 instances"):
        selector(table, chain).select(request(num_instances=3))


def test_an_explanation_says_the_hosts_own_limit() -> None:
    picture = host_table([{"num_instances": 7}, {"num_instances": 4}], aggregates=limited("3")).snapshot()
    explanation = explain(only(filters=[NAME], max_instances_per_host=5), picture, request(), SelectionContext(picture))
    assert dict(explanation.nearest) == {
        0: ("fewer than 5 instances, not 7",),
        1: ("fewer than 3 instances, not 4",),
    }
