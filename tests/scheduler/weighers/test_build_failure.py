"""Failed builds weigh against a host more than all else together."""

from __future__ import annotations

from engine.model.aggregate import Aggregate
from tests.builders import weights

NAME = "BuildFailureWeigher"


def test_the_host_with_most_failures_loses_a_million() -> None:
    hosts = [{"failed_builds": count} for count in (0, 1, 4)]
    assert weights(NAME, hosts) == {"h0": 0.0, "h1": -250_000.0, "h2": -1_000_000.0}


def test_what_counts_is_the_place_between_the_fewest_and_the_most() -> None:
    assert weights(NAME, [{"failed_builds": 10}, {"failed_builds": 11}]) == {"h0": 0.0, "h1": -1_000_000.0}
    assert weights(NAME, [{"failed_builds": 3}, {"failed_builds": 3}]) == {"h0": 0.0, "h1": 0.0}


def test_an_aggregates_multiplier_is_negated_too() -> None:
    aggregates = [Aggregate("a", "a", frozenset({"h0", "h1"}), {"build_failure_weight_multiplier": "5"})]
    assert weights(NAME, [{}, {"failed_builds": 1}], aggregates=aggregates) == {"h0": 0.0, "h1": -5.0}
