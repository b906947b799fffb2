"""The host is in an aggregate of each wanted set."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import find_filter
from engine.scheduler.request_facts import RequestFacts
from tests.builders import host_table, passing, request

NAME = "MemberOfFilter"


AGGREGATES = [Aggregate("a", "first", frozenset({"h0", "h1"})), Aggregate("b", "second", frozenset({"h1", "h2"}))]
HOSTS = [{}, {}, {}, {}]


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        ((), {"h0", "h1", "h2", "h3"}),
        (({"a"},), {"h0", "h1"}),
        (({"a", "b"},), {"h0", "h1", "h2"}),
        (({"a"}, {"b"}), {"h1"}),
        (({"a"}, {"unknown"}), set()),
        (({"a", "unknown"},), {"h0", "h1"}),
        ((set(),), set()),
    ],
)
def test_any_of_a_set_and_all_sets(wanted: tuple[set[str], ...], passes: set[str]) -> None:
    spec = request(member_of=tuple(frozenset(uuids) for uuids in wanted))
    assert passing(NAME, HOSTS, spec, aggregates=AGGREGATES) == passes


def test_an_aggregate_is_wanted_by_its_uuid_not_its_name() -> None:
    assert passing(NAME, HOSTS, request(member_of=(frozenset({"first"}),)), aggregates=AGGREGATES) == set()


@pytest.mark.parametrize(
    ("wanted", "forbidden", "passes"),
    [
        ((), {"a"}, {"h2", "h3"}),
        ((), {"a", "b"}, {"h3"}),
        (({"a"},), {"b"}, {"h0"}),
        (({"a"},), {"a"}, set()),
        ((), {"unknown"}, {"h0", "h1", "h2", "h3"}),
    ],
)
def test_no_forbidden_aggregate(wanted: tuple[set[str], ...], forbidden: set[str], passes: set[str]) -> None:
    spec = request(member_of=tuple(frozenset(uuids) for uuids in wanted), forbidden_aggregates=frozenset(forbidden))
    assert passing(NAME, HOSTS, spec, aggregates=AGGREGATES) == passes


def test_a_rejection_says_what_would_have_to_change() -> None:
    table = host_table(HOSTS, aggregates=AGGREGATES)
    spec = request(member_of=(frozenset({"a"}), frozenset({"x", "y"})), forbidden_aggregates=frozenset({"b"}))
    change = find_filter(NAME).change
    assert change is not None
    assert change(RequestFacts(table, 2), spec, SchedulerOptions()) == (
        "membership of aggregate a, membership of aggregate x or y, no membership of aggregate b"
    )
