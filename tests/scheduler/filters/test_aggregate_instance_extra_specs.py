"""Each extra spec of the scope, or of none, is met by some value of some aggregate."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from engine.scheduler.explain import explain
from engine.scheduler.faults import FilterFault
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "AggregateInstanceExtraSpecsFilter"
HOSTS = [{}, {}, {}, {}]
AGGREGATES = [
    Aggregate("a", "a", frozenset({"h1", "h2"}), {"ssd": "true", "tier": "3"}),
    Aggregate("b", "b", frozenset({"h2", "h3"}), {"ssd": "false, nvme", "tier": "2,4", "a:b": "x"}),
]


@pytest.mark.parametrize(
    ("key", "requirement", "passes"),
    [
        ("ssd", "true", {"h1", "h2"}),
        ("aggregate_instance_extra_specs:ssd", "nvme", {"h2", "h3"}),
        ("aggregate_instance_extra_specs:a:b", "x", {"h2", "h3"}),
        ("tier", "!= 3", {"h2", "h3"}),
        ("tier", "= 4", {"h2", "h3"}),
        ("ssd", "<or> true <or> nvme", {"h1", "h2", "h3"}),
        ("ssd", "!", set()),
        ("novelty", "x", set()),
        ("trait:CUSTOM_X", "required", {"h0", "h1", "h2", "h3"}),
        ("capabilities:ssd", "no", {"h0", "h1", "h2", "h3"}),
        ("aggregate_instance_extra_specs", "x", set()),
    ],
)
def test_one_value_of_one_aggregate_is_enough(key: str, requirement: str, passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(extra_specs={key: requirement}), aggregates=AGGREGATES) == passes


def test_every_extra_spec_counts() -> None:
    extra_specs = {"ssd": "true", "aggregate_instance_extra_specs:tier": ">= 4"}
    assert passing(NAME, HOSTS, request(extra_specs=extra_specs), aggregates=AGGREGATES) == {"h2"}
    assert passing(NAME, HOSTS, request(), aggregates=AGGREGATES) == {"h0", "h1", "h2", "h3"}


@pytest.mark.parametrize(
    ("key", "requirement", "error"),
    [
        ("ssd", ">= 2", "ValueError"),
        ("tier", "= three", "ValueError"),
        ("tier", "== ", ""),
        ("tier", "<= 1,5", "ValueError"),
        ("tier", "<or>", "IndexError"),
        ("tier", "<in>", ""),
        ("tier", "", ""),
        ("tier", "≥ 2", ""),
    ],
)
def test_what_cannot_be_compared_meets_nothing_and_fails_novas_request(key: str, requirement: str, error: str) -> None:
    spec = request(extra_specs={key: requirement})
    assert passing(NAME, HOSTS, spec, aggregates=AGGREGATES) == set()
    if not error:
        assert passing(NAME, HOSTS, spec, aggregates=AGGREGATES, nova_quirks=True) == set()
        return
    with pytest.raises(FilterFault) as caught:
        passing(NAME, HOSTS, spec, aggregates=AGGREGATES, nova_quirks=True)
    assert caught.value.nova_exception == error


def test_a_value_that_does_not_compare_hides_none_that_does() -> None:
    # nova's answer hangs on the order of a set of texts: it raises, or finds 64 first
    aggregates = [
        Aggregate("a", "a", frozenset({"h0", "h1"}), {"gb": "many, 64"}),
        Aggregate("b", "b", frozenset({"h1"}), {"gb": ""}),
    ]
    assert passing(NAME, HOSTS, request(extra_specs={"gb": ">= 32"}), aggregates=aggregates) == {"h0", "h1"}
    assert passing(NAME, HOSTS, request(extra_specs={"gb": ">= 99"}), aggregates=aggregates) == set()


def test_an_explanation_says_what_metadata_are_missing() -> None:
    picture = host_table(HOSTS, aggregates=AGGREGATES).snapshot()

    def changes(extra_specs: dict[str, str]) -> dict[int, tuple[str, ...]]:
        spec = request(extra_specs=extra_specs)
        return dict(explain(only(filters=[NAME]), picture, spec, SelectionContext(picture)).nearest)

    assert changes({"ssd": "nvme"}) == {
        0: ("an aggregate with metadata ssd matching 'nvme' instead of none",),
        1: ("an aggregate with metadata ssd matching 'nvme' instead of true",),
    }
    (change,) = changes({"ssd": ">= 2"})[1]
    assert change.startswith("another extra spec or metadata: ")
