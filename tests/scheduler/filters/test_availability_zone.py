"""The wanted zone is one of the host's, the default one where neither it nor an aggregate names any."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "AvailabilityZoneFilter"
HOSTS = [{}, {"availability_zone": "az1"}, {}, {"availability_zone": "az1"}]
AGGREGATES = [Aggregate("a", "a", frozenset({"h2", "h3"}), {"availability_zone": "az2, az3"})]


@pytest.mark.parametrize(
    ("zone", "passes"),
    [
        ("", {"h0", "h1", "h2", "h3"}),
        ("nova", {"h0"}),
        ("az1", {"h1", "h3"}),
        ("az3", {"h2", "h3"}),
        ("az2, az3", set()),
        ("AZ1", set()),
    ],
)
def test_unlike_the_request_filter_it_knows_a_default_zone_and_commas(zone: str, passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(availability_zone=zone), aggregates=AGGREGATES) == passes


def test_the_default_zone_is_an_option() -> None:
    spec = request(availability_zone="home")
    assert passing(NAME, HOSTS, spec, aggregates=AGGREGATES, default_availability_zone="home") == {"h0"}


def test_an_explanation_names_the_hosts_zones() -> None:
    picture = host_table(HOSTS, aggregates=AGGREGATES).snapshot()
    spec = request(availability_zone="az1")
    changes = dict(explain(only(filters=[NAME]), picture, spec, SelectionContext(picture)).nearest)
    assert changes == {0: ("zone az1 instead of nova",), 2: ("zone az1 instead of az2, az3",)}
