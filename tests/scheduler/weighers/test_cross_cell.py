"""An instance that may leave its cell stays in it if it can."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from engine.model.request_spec import RequestedDestination
from tests.builders import passing, request, weights

NAME = "CrossCellWeigher"
HOSTS = [{"cell": "c1"}, {"cell": "c2"}, {}]
MOVE = request(requested_destination=RequestedDestination(cell="c1", allow_cross_cell_move=True))


def test_its_own_cell_outweighs_all_others_by_a_million() -> None:
    assert weights(NAME, HOSTS, MOVE) == {"h0": 1_000_000.0, "h1": 0.0, "h2": 0.0}


def test_an_aggregate_may_reward_leaving() -> None:
    aggregates = [Aggregate("a", "a", frozenset({"h0"}), {"cross_cell_move_weight_multiplier": "-10"})]
    assert weights(NAME, HOSTS, MOVE, aggregates=aggregates) == {"h0": -10.0, "h1": 0.0, "h2": 0.0}


def test_hosts_of_one_cell_weigh_nothing() -> None:
    assert weights(NAME, [{"cell": "c1"}, {"cell": "c1"}], MOVE) == {"h0": 0.0, "h1": 0.0}
    assert weights(NAME, [{"cell": "c2"}, {"cell": "c3"}], MOVE) == {"h0": 0.0, "h1": 0.0}


@pytest.mark.parametrize(
    "destination", [None, RequestedDestination(), RequestedDestination(allow_cross_cell_move=True)]
)
def test_a_request_that_names_no_cell_is_not_weighed(destination: RequestedDestination | None) -> None:
    spec = request(requested_destination=destination)
    assert weights(NAME, HOSTS, spec) == {"h0": 0.0, "h1": 0.0, "h2": 0.0}


def test_a_move_that_may_not_leave_its_cell_sees_no_other_host() -> None:
    stay = request(requested_destination=RequestedDestination(cell="c1"))
    assert passing("NumInstancesFilter", HOSTS, stay) == {"h0"}
    assert passing("NumInstancesFilter", HOSTS, MOVE) == {"h0", "h1", "h2"}
    elsewhere = request(requested_destination=RequestedDestination(host="h1", cell="c1"))
    assert passing("NumInstancesFilter", HOSTS, elsewhere) == set()
