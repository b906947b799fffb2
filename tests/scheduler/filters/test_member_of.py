"""The host is in an aggregate of each wanted set."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from tests.builders import passing, request

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
